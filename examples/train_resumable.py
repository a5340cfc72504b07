"""A training run that can be preempted: stochastic gradient descent that resumes where it was.

    suanli run -- python3 examples/train_resumable.py --steps 2000 --weights weights.npy

On SIGTERM it finishes its step, writes a checkpoint and exits; started again with the same
SUANLI_CHECKPOINT_DIR it goes on from there. The problem is synthetic: logistic regression with
momentum on examples drawn anew at each step. Each step's chance comes from the seed and the step's
number alone, so that a resumed run ends with the very weights of an uninterrupted one.
"""

import argparse
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType

import numpy as np

FEATURES, BATCH = 64, 256
RATE, MOMENTUM = 0.1, 0.9
CHECKPOINT = "checkpoint.npz"


class Training:
    """Weights, momentum and the number of the next step: all that a checkpoint holds."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.step = 0
        self.weights = np.zeros(FEATURES)
        self.velocity = np.zeros(FEATURES)
        self.truth = np.random.default_rng(seed).normal(size=FEATURES)

    def do_step(self) -> float:
        """Take one step; return its loss."""
        chance = np.random.default_rng((self.seed, self.step))
        examples = chance.normal(size=(BATCH, FEATURES))
        labels = (examples @ self.truth + chance.normal(size=BATCH) > 0).astype(float)
        guesses = 1 / (1 + np.exp(-examples @ self.weights))
        gradient = examples.T @ (guesses - labels) / BATCH
        self.velocity = MOMENTUM * self.velocity - RATE * gradient
        self.weights = self.weights + self.velocity
        self.step += 1
        return float(-np.log(np.where(labels > 0, guesses, 1 - guesses) + 1e-12).mean())

    def save(self, folder: Path) -> None:
        """Write the checkpoint whole or not at all; a leading dot keeps it hidden until then."""
        hidden = folder / f".{CHECKPOINT}"
        with hidden.open("wb") as file:
            np.savez(file, seed=self.seed, step=self.step, weights=self.weights,
                     velocity=self.velocity)
            file.flush()
            os.fsync(file.fileno())
        hidden.rename(folder / CHECKPOINT)

    def resume(self, folder: Path) -> None:
        """Go on from a checkpoint, if there is one of this run."""
        path = folder / CHECKPOINT
        if not path.exists():
            return
        with np.load(path) as saved:
            if int(saved["seed"]) != self.seed:
                sys.exit(f"{path} is of seed {int(saved['seed'])}; this run has {self.seed}")
            self.step = int(saved["step"])
            self.weights, self.velocity = saved["weights"], saved["velocity"]


def main() -> None:
    """Train, or go on training, until the last step or a SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--step-ms", type=int, default=0, help="make each step last this long")
    parser.add_argument("--weights", type=Path, default=Path("weights.npy"))
    chosen = parser.parse_args()
    folder = Path(os.environ.get("SUANLI_CHECKPOINT_DIR", "."))
    told_to_stop = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal told_to_stop
        told_to_stop = True

    signal.signal(signal.SIGTERM, stop)
    training = Training(chosen.seed)
    training.resume(folder)
    print(f"from step {training.step}", flush=True)
    loss = 0.0
    while training.step < chosen.steps and not told_to_stop:
        loss = training.do_step()
        time.sleep(chosen.step_ms / 1000)
    if told_to_stop:
        training.save(folder)
        sys.exit(f"saved at step {training.step}")
    np.save(chosen.weights, training.weights)
    print(f"loss {loss:.4f} after {training.step} steps")


if __name__ == "__main__":
    main()
