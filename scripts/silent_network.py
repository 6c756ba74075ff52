#!/usr/bin/env python3
"""Write weights of a generator that finds nothing, to see what the refinement does without a network.

    python scripts/silent_network.py silent.safetensors
    sarnet benchmark --config configs/table1.toml --set 'methods=["sarnet-refined","silent"]' \
        --set 'variants.silent.adapt="refined"' --set 'variants.silent.model="silent.safetensors"'

All of the released weights are zero: there are no maps for a last layer to read, no field and no mask.
"""

from pathlib import Path

import torch
import typer

import sarnet.networks
from sarnet.networks.weights import read_weights, write_weights

RELEASED = Path(sarnet.networks.__file__).parent / "released" / "sarnet-cxr.safetensors"


def main(out: Path) -> None:
    """Write them."""
    tensors, metadata = read_weights(RELEASED, name=RELEASED.stem)
    write_weights({name: torch.zeros_like(each) for name, each in tensors.items()}, out, metadata=metadata)


if __name__ == "__main__":
    typer.run(main)
