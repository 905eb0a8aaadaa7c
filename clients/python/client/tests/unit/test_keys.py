from __future__ import annotations

import pytest

from mayfly_client.keys import object_key_of

KEY = "users/u 1/recordings/r+1/audio.wav"


@pytest.mark.parametrize(
    "url",
    [
        "https://my-audio.s3.eu-central-1.amazonaws.com/users/u%201/recordings/r%2B1/audio.wav?X-Amz-Signature=abc",
        "https://my-audio.s3.amazonaws.com/users/u%201/recordings/r%2B1/audio.wav",
        "https://my-audio.s3-accelerate.amazonaws.com/users/u%201/recordings/r%2B1/audio.wav",
        "https://my-audio.s3.dualstack.us-gov-west-1.amazonaws.com/users/u%201/recordings/r%2B1/audio.wav",
        "https://s3.eu-central-1.amazonaws.com/my-audio/users/u%201/recordings/r%2B1/audio.wav?AWSAccessKeyId=old",
        "https://s3.cn-north-1.amazonaws.com.cn/my-audio/users/u%201/recordings/r%2B1/audio.wav",
    ],
)
def test_links_of_amazon_tell_the_bucket_themselves(url: str) -> None:
    assert object_key_of(url) == KEY
    assert object_key_of(url, bucket="my-audio") == KEY
    with pytest.raises(ValueError, match="of the bucket other"):
        object_key_of(url, bucket="other")


def test_a_bucket_may_have_dots() -> None:
    assert object_key_of("https://audio.example.com.s3.eu-west-1.amazonaws.com/a/b.wav") == "a/b.wav"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9000/my-audio/a/b.wav",
        "https://account.r2.cloudflarestorage.com/my-audio/a/b.wav?X-Amz-Signature=x",
        "https://my-audio.minio.example.com/a/b.wav",
    ],
)
def test_other_stores_need_the_bucket(url: str) -> None:
    assert object_key_of(url, bucket="my-audio") == "a/b.wav"
    with pytest.raises(ValueError, match="bucket= given"):
        object_key_of(url)


@pytest.mark.parametrize(
    "url", ["", "s3://my-audio/a", "https://my-audio.s3.amazonaws.com/", "https://s3.amazonaws.com/my-audio", "a/b.wav"]
)
def test_what_leads_to_no_object_is_refused_and_its_path_not_repeated(url: str) -> None:
    with pytest.raises(ValueError, match="is no link to an object") as refused:
        object_key_of(url)
    assert "?" not in str(refused.value)
