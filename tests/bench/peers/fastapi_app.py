"""The peer of the load benchmark: the same model behind FastAPI, set up as well as we know how.

One session with one thread for each uvicorn worker; Pillow decodes; two threads a worker overlap one photo's decode with
another's inference, as both release the interpreter's lock.
"""

import asyncio
import json
import os
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import numpy as np
import onnxruntime as ort
from fastapi import FastAPI, UploadFile
from PIL import Image, ImageOps

DIRECTORY = os.environ["MODEL_DIR"]
with open(f"{DIRECTORY}/model.json", encoding="utf-8") as file:
    MODEL = json.load(file)
PREPROCESSING = MODEL["preprocessing"]
SIDE = PREPROCESSING["inputSize"]
KEPT = SIDE / PREPROCESSING["resizeTo"]
MEAN = np.array(PREPROCESSING["mean"], np.float32)
SCALE = 1 / np.array(PREPROCESSING["std"], np.float32)
ANSWERED_MODEL = {key: MODEL[key] for key in ("name", "version", "digest")}

options = ort.SessionOptions()
options.intra_op_num_threads = 1
options.inter_op_num_threads = 1
session = ort.InferenceSession(f"{DIRECTORY}/model.onnx", options, providers=["CPUExecutionProvider"])
executor = ThreadPoolExecutor(max_workers=int(os.environ.get("PEER_THREADS", "2")))
app = FastAPI()


def predict_bytes(data: bytes) -> dict:
    """Decodes, crops, normalises and runs one photo."""
    image = Image.open(BytesIO(data))
    image.draft("RGB", (PREPROCESSING["resizeTo"], PREPROCESSING["resizeTo"]))
    image = ImageOps.exif_transpose(image).convert("RGB")
    width, height = image.size
    kept = KEPT * min(width, height)
    left, top = (width - kept) / 2, (height - kept) / 2
    image = image.resize((SIDE, SIDE), Image.Resampling.BICUBIC, (left, top, left + kept, top + kept))
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
async def predict(image: UploadFile) -> dict:
    data = await image.read()
    return await asyncio.get_running_loop().run_in_executor(executor, predict_bytes, data)
