"""Bringing a folder of audio in: what older systems left on their disks."""
