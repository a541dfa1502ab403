"""Open-metric-learning's metrics in the shape of torchmetrics': the real `EmbeddingMetrics` of the installed package, fed batch by batch."""

import importlib.metadata
import sys
import types
import warnings
from typing import Any, Optional

import numpy as np
import torch
from torch import Tensor

PACKAGE = "open-metric-learning"


def source() -> str:
    """Name the package with its version."""
    return f"{PACKAGE} {importlib.metadata.version(PACKAGE)}"


def oml() -> types.SimpleNamespace:
    """Import what is used of the package. Ends with a line that says what to do where it is missing."""
    import oml_alone  # noqa: F401 before anything of it

    try:
        import oml.retrieval.retrieval_results as results
        from oml.functional.metrics import _check_if_in_range, calc_retrieval_metrics, calc_topological_metrics
        from oml.interfaces.datasets import IQueryGalleryLabeledDataset
        from oml.metrics.embeddings import EmbeddingMetrics as Metrics
        from oml.utils.misc import check_if_nonempty_positive_integers, flatten_dict
    except ModuleNotFoundError as missing:
        sys.exit(f"{missing.name} is not installed, and the fixtures of embeddings need it: run scripts/setup.sh")
    # OML numbers sequences anew with pandas, because they may be texts; here they are numbers, of which only equality counts.
    results.get_sequence_from_dataset = lambda samples: torch.tensor(samples.extra_data["sequence"]) if "sequence" in samples.extra_data else None
    return types.SimpleNamespace(
        Dataset=IQueryGalleryLabeledDataset,
        Metrics=Metrics,
        in_range=_check_if_in_range,
        positive=check_if_nonempty_positive_integers,
        flat=flatten_dict,
        of_lists=calc_retrieval_metrics,
        components=calc_topological_metrics,
    )


OML = oml()


class Samples(OML.Dataset):
    """The samples of all batches, as OML's metric asks for them."""

    def __init__(self, given: dict) -> None:
        self.given = given
        columns = {"sequence": "sequence_ids", "category": "categories"}
        self.extra_data = {theirs: given[ours].tolist() for theirs, ours in columns.items() if ours in given}

    def __len__(self) -> int:
        return len(self.given["labels"])

    def __getitem__(self, item: int) -> dict:
        raise NotImplementedError

    def get_labels(self) -> Tensor:
        return self.given["labels"].long()

    def get_query_ids(self) -> Tensor:
        return torch.nonzero(self.given["is_query"]).view(-1)

    def get_gallery_ids(self) -> Tensor:
        return torch.nonzero(self.given["is_gallery"]).view(-1)


class EmbeddingMetrics:
    """OML's metric, with `update`, `compute`, `forward` and `reset` as torchmetrics has them. Rows are the samples of a dataset in their order."""

    takes_ids = True

    def __init__(
        self,
        cmc_top_k: tuple = (5,),
        precision_top_k: tuple = (5,),
        map_top_k: tuple = (5,),
        fmr_vals: tuple = (),
        pcf_variance: tuple = (0.5,),
        return_only_overall_category: bool = False,
        num_samples: Optional[int] = None,
    ) -> None:
        # OML looks at them when it computes.
        for name, top_k in (("cmc_top_k", cmc_top_k), ("precision_top_k", precision_top_k), ("map_top_k", map_top_k)):
            if len(top_k):
                OML.positive(top_k, name)
        for name, values in (("fmr_vals", fmr_vals), ("pcf_variance", pcf_variance)):
            if len(values):
                OML.in_range(values, 0, 1, name)
        if not isinstance(return_only_overall_category, bool):
            raise TypeError("return_only_overall_category")
        if num_samples is not None and not (isinstance(num_samples, int) and num_samples > 0):
            raise ValueError("num_samples")  # as Accumulator.refresh does
        self.options = {
            "cmc_top_k": tuple(cmc_top_k),
            "precision_top_k": tuple(precision_top_k),
            "map_top_k": tuple(map_top_k),
            "fmr_vals": tuple(fmr_vals),
            "pcf_variance": tuple(pcf_variance),
            "return_only_overall_category": return_only_overall_category,
        }
        self.num_samples = num_samples
        self.batches: list = []

    def update(
        self,
        embeddings: Tensor,
        labels: Tensor,
        is_query: Tensor,
        is_gallery: Tensor,
        sequence_ids: Optional[Tensor] = None,
        categories: Optional[Tensor] = None,
        ids: Optional[Tensor] = None,
    ) -> None:
        given = {"embeddings": embeddings, "labels": labels, "is_query": is_query, "is_gallery": is_gallery, "sequence_ids": sequence_ids, "categories": categories, "ids": ids}
        given = {k: v for k, v in given.items() if v is not None}
        self._value([*self.batches, given], complete=False)  # whatever OML refuses it refuses with the batch
        self.batches.append(given)

    def compute(self) -> dict:
        return self._value(self.batches)

    def forward(self, **inputs: Any) -> dict:
        alone = EmbeddingMetrics(**self.options, num_samples=self.num_samples)
        alone.update(**inputs)
        self.update(**inputs)
        return alone.compute()

    __call__ = forward

    def reset(self) -> None:
        self.batches = []

    def _value(self, batches: list, complete: bool = True) -> dict:
        if any(b.keys() != batches[0].keys() for b in batches):
            raise ValueError("batches with different inputs")
        given = {k: torch.cat([b[k] for b in batches]) for k in batches[0]}
        ids = given.pop("ids", None)
        if any(v.ndim != 1 or len(v) != len(given["embeddings"]) for k, v in given.items() if k != "embeddings"):
            raise ValueError("inputs of different lengths")
        samples = given
        if ids is not None:  # the dataset has each sample once, in the order of the ids
            first = torch.from_numpy(np.unique(ids.numpy(), return_index=True)[1])
            samples = {k: v[first] for k, v in given.items()}
        expected = self.num_samples if complete and self.num_samples is not None else len(samples["labels"])
        if ids is not None and expected == len(samples["labels"]):
            expected = len(ids)  # OML counts what comes again until it looks at ids
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            metric = OML.Metrics(dataset=Samples(samples), verbose=False, **self.options)
            metric.setup(num_samples=expected)
            rows = torch.arange(len(given["labels"])) if ids is None else ids
            metric.update(given["embeddings"].float(), rows.tolist())
            value = metric.compute_metrics()
        return {k: torch.as_tensor(v, dtype=torch.float32).reshape(()) for k, v in OML.flat(value).items()}
