from __future__ import annotations

from datetime import timedelta

from mayfly_runtime.server import ServerOptions


def test_the_limits_reach_grpc() -> None:
    arguments = dict(ServerOptions(listen="127.0.0.1:0").channel_arguments())

    assert arguments["grpc.so_reuseport"] == 0
    assert arguments["grpc.max_receive_message_length"] == 4 * 1024 * 1024
    assert arguments["grpc.max_metadata_size"] == arguments["grpc.absolute_max_metadata_size"] == 8 * 1024
    assert arguments["grpc.max_connection_age_ms"] == 30 * 60 * 1000
    assert arguments["grpc.max_connection_age_grace_ms"] == 60 * 1000
    assert arguments["grpc.keepalive_timeout_ms"] == 20 * 1000


def test_options_are_measured_in_time_and_not_in_numbers() -> None:
    options = ServerOptions(listen="127.0.0.1:0", min_ping_interval=timedelta(seconds=45))

    assert ("grpc.http2.min_ping_interval_without_data_ms", 45_000) in options.channel_arguments()
