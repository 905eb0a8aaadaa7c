"""What a person can do about a reason."""

from __future__ import annotations

_REMEDIES = {
    "CALLER_UNAUTHENTICATED": "Set MAYFLY_TOKEN to a token that the server knows, or present a client certificate.",
    "CALLER_FORBIDDEN": "Ask the operator to allow this method for your caller name.",
    "DEADLINE_TOO_SHORT": "Give the call more time.",
    "DEADLINE_EXCEEDED": "Give the call more time, or look whether the server is overloaded.",
    "NOT_IMPLEMENTED": "Use a newer release of the server.",
    "INTERNAL": "Tell the operator of the server when it happened.",
    "NO_ANSWER": "Start the service (`make up`), or name its address.",
    "TEXT_UNSPEAKABLE": "Remove control characters, and use text of the voice's language.",
    "VOICE_UNKNOWN": "`mayfly voices` lists the voices that are loaded.",
    "SPEAKER_UNKNOWN": "`mayfly voices` lists the speakers of each voice.",
    "SSML_INVALID": "Mend the SSML, or allow what is not supported to be left out (`lenient_ssml`).",
    "AUDIO_UNREADABLE": "Send audio in a container that is taken.",
    "AUDIO_TOO_LARGE": "Send fewer bytes, or use a collection that takes more.",
    "ENCODER_FAILED": "Try another format, and tell the operator of synth when it happened.",
    "STORAGE_UNAVAILABLE": "Look whether storage runs (`mayfly info`).",
    "AUDIO_NOT_FOUND": "`mayfly ls` lists what is readable.",
    "AUDIO_DAMAGED": "Upload it again, and have the operator of storage examine the disk.",
    "UPLOAD_FENCED": "Start a new upload.",
    "NOT_DUE": "Leave it: it is live, or not due yet.",
    "STORAGE_FULL": "Sweep, delete, or give storage a larger disk.",
    "BACKEND_UNAVAILABLE": "Try again in a moment.",
    "BACKEND_MISCONFIGURED": "The operator of storage has to mend its settings; its log names the cause.",
    "SWEEP_NOT_FOUND": "Start a new sweep.",
    "GUARD_TRIPPED": "Look at what is due (`mayfly sweep --dry-run`), and raise the guard if it is right.",
    "AUDIO_SILENT": "Keep the silence, cut less, or look whether the recording holds any sound.",
    "INPUT_INCOMPLETE": "Send it again, to the end.",
    "SCRATCH_FULL": "Try again in a moment; the operator of synth can give its temporary files more room.",
    "SCRATCH_FORBIDDEN": "The operator of synth has to name a folder that it may write to (MAYFLY_SYNTH_SCRATCH_DIR).",
    "TRANSCRIBER_FAILED": "Try again in a moment, or ask for no transcript.",
    "TRANSCRIBER_MISSING": "Configure a transcriber at synth, or ask for no transcript.",
    "LINK_ENDED": "Ask for a new link (`mayfly url NAME`).",
    "LINK_REFUSED": "Look at the size, type and checksum that were announced, and start a new upload.",
    "LINK_UNREACHABLE": "Look whether the store can be reached from here, and try again.",
}

NO_REMEDY_NEEDED = frozenset(
    {
        "COLLECTION_FORBIDDEN",
        "COLLECTION_UNKNOWN",
        "CONTENT_MISMATCH",
        "CONTENT_TYPE_NOT_ALLOWED",
        "FORMAT_UNKNOWN",
        "IDEMPOTENCY_KEY_REUSED",
        "INVALID_REQUEST",
        "LIFETIME_OVER",
        "OBJECT_KEY_TAKEN",
        "PAGE_TOKEN_INVALID",
        "QUOTA_EXCEEDED",
        "REQUEST_EXPIRED",
        "REQUEST_ID_REUSED",
        "SERVER_BUSY",
        "STORAGE_REFUSED",
        "SWEEP_RUNNING",
        "TEXT_EMPTY",
        "TEXT_TOO_LONG",
        "UPLOAD_INCOMPLETE",
    }
)
"""Reasons whose message itself says what is allowed or what to do; a remedy would only repeat it."""

_TARGET_VARIABLES = {
    "storage": "MAYFLY_STORAGE_TARGET",
    "synth": "MAYFLY_SYNTH_TARGET",
    "sweeper": "MAYFLY_SWEEPER_TARGET",
}


def remedy_for(reason: str, domain: str) -> str:
    """The remedy for a reason; empty if the message says it already, or none always holds."""
    remedy = _REMEDIES.get(reason, "")
    variable = _TARGET_VARIABLES.get(domain.partition(".")[0])
    if reason == "NO_ANSWER" and variable:
        return f"Start the service (`make up`), or set {variable} to its address."
    return remedy
