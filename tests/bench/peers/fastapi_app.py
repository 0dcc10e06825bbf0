"""The peer of the load benchmark: the same model behind FastAPI.

One session with one thread for each uvicorn worker; Pillow decodes; the endpoint runs in Starlette's pool of threads, which
has 40 of them, or PEER_THREADS: two overlap one photo's decode with another's inference and spare memory.
"""

import json
import os
from contextlib import asynccontextmanager
from io import BytesIO

import anyio.to_thread
import numpy as np
import onnxruntime as ort
from fastapi import FastAPI, UploadFile
from PIL import Image, ImageOps

DIRECTORY = os.environ["MODEL_DIR"]
with open(f"{DIRECTORY}/model.json", encoding="utf-8") as file:
    MODEL = json.load(file)
PREPROCESSING = MODEL["preprocessing"]
FILTER = {"linear": Image.Resampling.BILINEAR, "cubic": Image.Resampling.BICUBIC}[PREPROCESSING["kernel"]]
SIDE = PREPROCESSING["inputSize"]
KEPT = SIDE / PREPROCESSING["resizeTo"]
MEAN = np.array(PREPROCESSING["mean"], np.float32)
SCALE = 1 / np.array(PREPROCESSING["std"], np.float32)
ANSWERED_MODEL = {key: MODEL[key] for key in ("name", "version", "digest")}

options = ort.SessionOptions()
options.intra_op_num_threads = 1
options.inter_op_num_threads = 1
session = ort.InferenceSession(f"{DIRECTORY}/model.onnx", options, providers=["CPUExecutionProvider"])


@asynccontextmanager
async def lifespan(_: FastAPI):
    """Sets the number of threads for endpoints."""
    if "PEER_THREADS" in os.environ:
        anyio.to_thread.current_default_thread_limiter().total_tokens = int(os.environ["PEER_THREADS"])
    yield


app = FastAPI(lifespan=lifespan)


def predict_bytes(data: bytes) -> dict:
    """Decodes, crops, normalises and runs one photo."""
    image = Image.open(BytesIO(data))
    image.draft("RGB", (PREPROCESSING["resizeTo"], PREPROCESSING["resizeTo"]))
    image = ImageOps.exif_transpose(image).convert("RGB")
    width, height = image.size
    kept = KEPT * min(width, height)
    left, top = (width - kept) / 2, (height - kept) / 2
    image = image.resize((SIDE, SIDE), FILTER, (left, top, left + kept, top + kept))
    pixels = (np.asarray(image, np.float32) - MEAN) * SCALE
    tensor = np.ascontiguousarray(pixels.transpose(2, 0, 1))[None]
    scores = session.run([MODEL["output"]["name"]], {MODEL["input"]["name"]: tensor})[0][0]
    probabilities = {label: float(score) for label, score in zip(MODEL["labels"], scores)}
    label = max(probabilities, key=probabilities.__getitem__)
    return {
        "label": label,
        "probability": probabilities[label],
        "probabilities": probabilities,
        "model": ANSWERED_MODEL,
    }


@app.get("/livez")
async def livez() -> dict:
    return {"status": "ok"}


@app.post("/predict")
def predict(image: UploadFile) -> dict:
    return predict_bytes(image.file.read())
