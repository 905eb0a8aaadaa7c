"""The machines behind the ports: Piper, ffmpeg, WAV and MP3 files, admission."""
