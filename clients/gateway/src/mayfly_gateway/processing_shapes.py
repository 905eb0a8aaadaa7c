"""What systems D and E say of processed audio."""

from __future__ import annotations

from pydantic import BaseModel, Field


class Processed(BaseModel):
    """Processed audio at its final place."""

    audio_url: str = Field(description="Signed.")
    url_expires_at: str | None
    expires_at: str | None = Field(description="When the audio itself ends; null: kept until it is deleted.")
    link: str = Field(description="Stable, at this gateway.")
    direct_upload: bool = Field(description="The result lies at its final key: nothing is left to upload.")
    s3_key: str = Field(description="That key.")
    content_type: str
    duration: float = Field(description="Seconds.")
    input_size: int = Field(description="Bytes.")
    output_size: int = Field(description="Bytes.")
    source_container: str
    processing_time: float = Field(description="Seconds.")
    loudness_lufs: float | None
    text: str | None = Field(description="What is said, where that was asked for.")
    debug_urls: list[str] = Field(description="Copies for diagnosis, where synth keeps them of everything.")
