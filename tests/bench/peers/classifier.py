"""What the peers of the load benchmark have in common: the same model, Pillow, NumPy and ONNX Runtime.

MODEL_DIR is a model's directory, MODEL_FILE the network in it. PEER_ENGINE_THREADS bounds ONNX Runtime's threads in a process:
one, where there is a process for each core; without it the engine takes every core.
"""

import json
import os

import numpy as np
import onnxruntime as ort
from PIL import Image, ImageOps

DIRECTORY = os.environ["MODEL_DIR"]
with open(f"{DIRECTORY}/model.json", encoding="utf-8") as file:
    MODEL = json.load(file)
PREPROCESSING = MODEL["preprocessing"]
FILTER = {"linear": Image.Resampling.BILINEAR, "cubic": Image.Resampling.BICUBIC}[PREPROCESSING["kernel"]]
SIDE = PREPROCESSING["inputSize"]
RESIZE_TO = PREPROCESSING["resizeTo"]
MEAN = np.array(PREPROCESSING["mean"], np.float32)
SCALE = 1 / np.array(PREPROCESSING["std"], np.float32)
ANSWERED_MODEL = {key: MODEL[key] for key in ("name", "version", "digest")}
# Lets libjpeg decode a part of the frequencies only, as Pillow's own thumbnail() does.
DRAFT = os.environ.get("PEER_DRAFT", "1") == "1"


def open_session() -> ort.InferenceSession:
    """Loads the network."""
    options = ort.SessionOptions()
    if "PEER_ENGINE_THREADS" in os.environ:
        options.intra_op_num_threads = int(os.environ["PEER_ENGINE_THREADS"])
        options.inter_op_num_threads = 1
    path = f"{DIRECTORY}/{os.environ.get('MODEL_FILE', 'model.onnx')}"
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def prepare(image: Image.Image) -> np.ndarray:
    """Decodes an opened photo, turns it upright, crops, scales and normalises it."""
    if DRAFT:
        image.draft("RGB", (RESIZE_TO, RESIZE_TO))
    image = ImageOps.exif_transpose(image).convert("RGB")
    width, height = image.size
    kept = SIDE / RESIZE_TO * min(width, height)
    left, top = (width - kept) / 2, (height - kept) / 2
    image = image.resize((SIDE, SIDE), FILTER, (left, top, left + kept, top + kept))
    pixels = (np.asarray(image, np.float32) - MEAN) * SCALE
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))[None]


def predict(session: ort.InferenceSession, image: Image.Image) -> dict:
    """Answers one photo as the service does."""
    scores = session.run([MODEL["output"]["name"]], {MODEL["input"]["name"]: prepare(image)})[0][0]
    probabilities = {label: float(score) for label, score in zip(MODEL["labels"], scores)}
    label = max(probabilities, key=probabilities.__getitem__)
    return {
        "label": label,
        "probability": probabilities[label],
        "probabilities": probabilities,
        "model": ANSWERED_MODEL,
    }
