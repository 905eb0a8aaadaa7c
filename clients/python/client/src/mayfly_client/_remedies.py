"""What a person can do about a reason."""

from __future__ import annotations

_REMEDIES = {
    "INVALID_REQUEST": "Mend the fields that are named.",
    "CALLER_UNAUTHENTICATED": "Set MAYFLY_TOKEN to a token that the server knows, or present a client certificate.",
    "CALLER_FORBIDDEN": "Ask the operator to allow this method for your caller name.",
    "DEADLINE_TOO_SHORT": "Give the call more time.",
    "DEADLINE_EXCEEDED": "Give the call more time, or look whether the server is overloaded.",
    "SERVER_BUSY": "Try again in a moment.",
    "NOT_IMPLEMENTED": "Use a newer release of the server.",
    "INTERNAL": "Look into the server's log, or tell its operator when it happened.",
    "NO_ANSWER": "Start the service (`make up`), or name its address.",
    "TEXT_EMPTY": "Give some text to speak.",
    "TEXT_TOO_LONG": "Split the text, or stream it (`stream_speech`).",
    "TEXT_UNSPEAKABLE": "Remove control characters, and use text of the voice's language.",
    "VOICE_UNKNOWN": "`mayfly voices` lists the voices that are loaded.",
    "SPEAKER_UNKNOWN": "`mayfly voices` lists the speakers of each voice.",
    "FORMAT_UNKNOWN": "Use a format that the server can write.",
    "SSML_INVALID": "Mend the SSML, or allow what is not supported to be left out (`lenient_ssml`).",
    "AUDIO_UNREADABLE": "Send audio in a container that is taken.",
    "AUDIO_TOO_LARGE": "Send fewer bytes, or use a collection that takes more.",
    "ENCODER_FAILED": "Try another format, and tell the operator of synth; its log has the details.",
    "STORAGE_REFUSED": "Mend what storage refused.",
    "STORAGE_UNAVAILABLE": "Look whether storage runs, and try again.",
    "COLLECTION_UNKNOWN": "`mayfly info` lists the collections.",
    "COLLECTION_FORBIDDEN": "Write to a collection that lists your caller among its writers.",
    "CONTENT_TYPE_NOT_ALLOWED": "Convert the audio to a type that the collection takes.",
    "AUDIO_NOT_FOUND": "It has expired or was deleted, or the name is wrong; `mayfly ls` lists what is readable.",
    "OBJECT_KEY_TAKEN": "Delete the audio that holds the key, or choose other key fields.",
    "IDEMPOTENCY_KEY_REUSED": "Use a new request_id.",
    "REQUEST_ID_REUSED": "Use a new request_id.",
    "REQUEST_EXPIRED": "Use a new request_id.",
    "UPLOAD_INCOMPLETE": "Put the bytes through the grant, then commit again.",
    "CONTENT_MISMATCH": "The bytes were damaged or changed on their way; try again.",
    "UPLOAD_FENCED": "Start a new upload.",
    "PAGE_TOKEN_INVALID": "Start at the first page.",
    "QUOTA_EXCEEDED": "Wait until the quota is reset.",
    "NOT_DUE": "Leave it: it is live, or not due yet.",
    "STORAGE_FULL": "Free some room: sweep, delete, or give storage a larger disk.",
    "BACKEND_UNAVAILABLE": "Try again in a moment.",
    "BACKEND_MISCONFIGURED": "The operator of storage has to mend its settings; its log names the cause.",
    "SWEEP_NOT_FOUND": "Start a new sweep.",
    "SWEEP_RUNNING": "Wait for the running sweep, or watch it.",
    "GUARD_TRIPPED": "Look at what is due (`mayfly sweep --dry-run`), and raise the guard if it is right.",
    "TRANSCRIBER_MISSING": "Configure a transcriber at synth, or ask for no transcript.",
    "LINK_ENDED": "Ask for a new link (`mayfly url NAME`).",
    "LINK_REFUSED": "Look at the size, type and checksum that were announced, and start a new upload.",
    "LINK_UNREACHABLE": "Look whether the store can be reached from here, and try again.",
}

_TARGET_VARIABLES = {
    "storage": "MAYFLY_STORAGE_TARGET",
    "synth": "MAYFLY_SYNTH_TARGET",
    "sweeper": "MAYFLY_SWEEPER_TARGET",
}


def remedy_for(reason: str, domain: str) -> str:
    """The remedy for a reason; empty if there is none that always holds."""
    remedy = _REMEDIES.get(reason, "")
    variable = _TARGET_VARIABLES.get(domain.partition(".")[0])
    if reason == "NO_ANSWER" and variable:
        return f"Start the service (`make up`), or set {variable} to its address."
    return remedy
