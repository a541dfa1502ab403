#!/usr/bin/env python3
"""Prints as JSON what the real tensorboard reads of a folder of event files: scalars, texts, histograms and images by tag, each as [step, value].

    read_events.py FOLDER
"""

import io
import json
import pathlib
import sys

from PIL import Image
from tensorboard.backend.event_processing import event_accumulator
from tensorboard.util import tensor_util


def accumulated(path):
    accumulator = event_accumulator.EventAccumulator(str(path), size_guidance={
        event_accumulator.SCALARS: 0, event_accumulator.HISTOGRAMS: 0, event_accumulator.IMAGES: 0, event_accumulator.TENSORS: 0})
    return accumulator.Reload()


def text_of(event):
    return [part.decode() for part in tensor_util.make_ndarray(event.tensor_proto).flatten().tolist()]


def histogram_of(value):
    return {"min": value.min, "max": value.max, "num": value.num, "sum": value.sum, "sum_squares": value.sum_squares,
            "bucket_limit": list(value.bucket_limit), "bucket": list(value.bucket)}


def image_of(event):
    with Image.open(io.BytesIO(event.encoded_image_string)) as picture:
        picture.load()
        assert (picture.format, picture.mode) == ("PNG", "RGB"), (picture.format, picture.mode)
        assert picture.size == (event.width, event.height), (picture.size, event.width, event.height)
        return {"width": picture.width, "height": picture.height, "pixels": list(picture.tobytes())}


def main():
    folder = pathlib.Path(sys.argv[1])
    events = accumulated(folder)
    tags = events.Tags()
    read = {
        "scalars": {tag: [[e.step, repr(e.value)] for e in events.Scalars(tag)] for tag in tags["scalars"]},
        "texts": {tag: [[e.step, text_of(e)] for e in events.Tensors(tag)] for tag in tags["tensors"]},
        "histograms": {tag: [[e.step, histogram_of(e.histogram_value)] for e in events.Histograms(tag)] for tag in tags["histograms"]},
        "images": {tag: [[e.step, image_of(e)] for e in events.Images(tag)] for tag in tags["images"]},
        "plugins": {tag: events.SummaryMetadata(tag).plugin_data.plugin_name for tag in tags["tensors"]},
        "files": len(list(folder.iterdir())),
    }
    json.dump(read, sys.stdout)


if __name__ == "__main__":
    main()
