"""A voice of Piper's medium size, for measuring: the real architecture with random weights.

piper-tts's own training package builds it. It says nothing, at the cost of a voice that says something.

`python -m bench.medium_voice` makes `.state/bench/voices/en_US-random-medium.onnx`, once. It needs torch, which is far
too large for the development set: the environment of `bench.peers` has it.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bench.peers import STATE, environment

VOICE = STATE / "voices/en_US-random-medium.onnx"
_SHIPPED = Path(__file__).resolve().parent.parent / "voices/en_US-mayfly-low.onnx.json"

# Runs in the environment of the peers, where torch is, and where none of our own packages are.
_EXPORT = """
import json, pathlib, sys, types
import torch
# The package's __init__ wants what training needs; the architecture itself does not.
sys.modules.setdefault("lightning", types.ModuleType("lightning"))
from piper.train.vits.models import SynthesizerTrn

path, shipped = map(pathlib.Path, sys.argv[1:])
torch.manual_seed(1234)
# The numbers of Piper's `medium`.
model = SynthesizerTrn(
    n_vocab=256, spec_channels=513, segment_size=32, inter_channels=192, hidden_channels=192, filter_channels=768,
    n_heads=2, n_layers=6, kernel_size=3, p_dropout=0.1, resblock="2", resblock_kernel_sizes=(3, 5, 7),
    resblock_dilation_sizes=((1, 2), (2, 6), (3, 12)), upsample_rates=(8, 8, 4), upsample_initial_channel=256,
    upsample_kernel_sizes=(16, 16, 8), n_speakers=1, gin_channels=0, use_sdp=True,
).eval()
with torch.no_grad():
    model.dec.remove_weight_norm()
infer = model.infer
ids = torch.randint(1, 160, (1, 120))

def forward(text, text_lengths, scales, sid=None, longer=1.0):
    audio = infer(text, text_lengths, noise_scale=scales[0], length_scale=scales[1] * longer, noise_scale_w=scales[2])
    return audio[0].unsqueeze(1)

# Untrained, the duration predictor speaks at any speed. People say about 120 ids, padding included, in 4 seconds.
with torch.no_grad():
    seconds = forward(ids, torch.tensor([120]), torch.tensor([0.667, 1.0, 0.8])).shape[-1] / 22050
    longer = 4.0 / seconds
    for _ in range(6):
        seconds = forward(ids, torch.tensor([120]), torch.tensor([0.667, 1.0, 0.8]), longer=longer).shape[-1] / 22050
        longer *= 4.0 / seconds
model.forward = lambda *inputs: forward(*inputs, longer=longer)
path.parent.mkdir(parents=True, exist_ok=True)
torch.onnx.export(
    model, (ids, torch.tensor([120]), torch.tensor([0.667, 1.0, 0.8])), str(path), dynamo=False, opset_version=15,
    input_names=["input", "input_lengths", "scales"], output_names=["output"],
    dynamic_axes={"input": {0: "batch", 1: "ids"}, "input_lengths": {0: "batch"}, "output": {0: "batch", 2: "time"}},
)
about = json.loads(shipped.read_text())
about["audio"] = {"sample_rate": 22050, "quality": "medium"}
about["hop_length"] = 256
pathlib.Path(f"{path}.json").write_text(json.dumps(about))
"""


def medium_voice() -> Path:
    """The voice; made if it is not there. Takes a minute, and the download of torch the first time."""
    if not VOICE.with_name(f"{VOICE.name}.json").exists():
        command = [environment(with_torch=True), "-c", _EXPORT, str(VOICE), str(_SHIPPED)]
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        if made.returncode:
            sys.exit(f"the voice could not be made:\n{made.stderr[-2000:]}")
    return VOICE


if __name__ == "__main__":
    print(medium_voice())
