"""What is to be timed: a checkpoint, exported files of the same weights, or both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from faceseg import zoo
from faceseg.benchmark.loaders import Images
from faceseg.benchmark.ways import RUNTIMES, WAYS, Way, ways_of
from faceseg.contract import Contract
from faceseg.errors import InputError
from faceseg.exported import contract_of, format_of


@dataclass(frozen=True)
class Given:
    """A checkpoint, exported files, or both.

    Attributes
    ----------
    checkpoint
        None if there are files alone.
    files
        With the contract of each.
    contract
        Of the weights: of the first file, or what an export of the checkpoint would promise.
    network
        Name of the checkpoint's network, as `faceseg.config.Config.model`.
    """

    checkpoint: Path | None
    files: tuple[tuple[Path, Contract], ...]
    contract: Contract
    network: str = ""

    @classmethod
    def of(cls, models: Sequence[Path]) -> Given:
        """Tell checkpoints from exported files; InputError if their weights are not the same."""
        # A shipped model is an ONNX file that is read as the checkpoint it was made from.
        exports = [p for p in models if format_of(p) and p.parent != zoo.FOLDER]
        checkpoints = [path for path in models if path not in exports]
        if len(checkpoints) > 1:
            names = " and ".join(map(str, checkpoints[:2]))
            raise InputError(f"{names}: two checkpoints; give one, with exported files of it")
        files = [(path, contract_of(path)) for path in exports]
        origins = [(path, contract.weights_sha256) for path, contract in files]
        # Less precision is no baseline.
        files.sort(key=lambda each: each[1].precision != "float32")
        network = ""
        if checkpoints:
            contract, network = _promised(checkpoints[0])
            origins.insert(0, (checkpoints[0], contract.weights_sha256))
        else:
            contract = files[0][1]
        first, sha256 = origins[0]
        for path, other in origins[1:]:
            if other != sha256:
                raise InputError(
                    f"{path}: other weights than {first}; time models of one checkpoint together"
                )
        if len({each.letterbox for _, each in files}) > 1:
            raise InputError("files with letterbox and without: time one kind at a time")
        if files:
            # Eager does as the files do.
            contract = replace(contract, letterbox=files[0][1].letterbox)
        return cls(checkpoints[0] if checkpoints else None, tuple(files), contract, network)

    def check(self, batch: int, size: tuple[int, int]) -> None:
        """Raise InputError for a file that does not take such batches."""
        for path, contract in self.files:
            if contract.logits:
                raise InputError(f"{path}: gives logits and no mask; export the whole pipeline")
            if contract.picture and (contract.picture != size or batch > 1):
                height, width = contract.picture
                raise InputError(
                    f"{path}: takes one picture of {height}x{width}; --batch {batch} --size "
                    f"{size[0]}x{size[1]} asked for"
                )

    def ways(self, device: str, runtimes: Sequence[str] | None) -> list[tuple[Way, Path | None]]:
        """Return the ways to go, the baseline first, and the file where one was given."""
        found: list[tuple[Way, Path | None]] = []
        if self.checkpoint:
            first, *others = WAYS[device]
            # Files that are given stand for those that would be made.
            wanted = runtimes or (["eager"] if self.files else RUNTIMES)
            found.append((first, None))
            found += [
                (way, None)
                for way in others
                if way.runtime in wanted
                and not (way.format and self.files)
                and way.stock in ("", self.network)
            ]
        made = [
            (way, path)
            for path, contract in self.files
            for way in ways_of(path, contract, device)
            if not runtimes or way.runtime in runtimes
        ]
        ways = [way for way, _ in made]
        # Two files of one kind are told apart by their names.
        found += [(replace(w, name=p.name) if ways.count(w) > 1 else w, p) for w, p in made]
        for name in runtimes or ():
            if name not in {way.runtime for way, _ in found}:
                given = "a checkpoint" if name in ("eager", "compile") else "a file that it reads"
                raise InputError(f"runtimes: {name} asked for; give it {given}")
        return found

    def reference(self, pictures: Images, first: Images) -> tuple[Images, NDArray[np.bool_]]:
        """Return eager's masks in float32, and where it is sure of them.

        Without a checkpoint the masks of the first contender, everywhere.
        """
        if self.checkpoint is None:
            return first, np.ones(first.shape, np.bool_)
        import torch

        from faceseg.checkpoint import load_pipeline
        from faceseg.export.verify import PROBABILITY_TOLERANCE

        pipeline, _ = load_pipeline(self.checkpoint, probabilities=True)
        pipeline.letterbox = self.contract.letterbox
        masks, decided = [], []
        with torch.inference_mode():
            for images in pictures:
                mask, probabilities = pipeline(torch.from_numpy(images))
                best = probabilities.topk(2, dim=1).values
                masks.append(mask.numpy())
                decided.append((best[:, 0] - best[:, 1] > PROBABILITY_TOLERANCE).numpy())
        return np.stack(masks), np.stack(decided)


def _promised(path: Path) -> tuple[Contract, str]:
    """Return the contract that an export of a checkpoint would have, and its network's name."""
    import faceseg
    from faceseg.checkpoint import load

    loaded = load(path)
    contract = Contract(
        name=loaded.name,
        task=loaded.task,
        classes=loaded.classes,
        size=loaded.config.size,
        probabilities=False,
        weights_sha256=loaded.sha256,
        faceseg=faceseg.__version__,
        terms=loaded.terms,
    )
    return contract, loaded.config.model
