"""The model behind FastAPI and uvicorn.

The endpoint runs in Starlette's pool of threads, which has 40 of them, or PEER_THREADS: two overlap one photo's decode with
another's inference and spare memory.
"""

import os
from contextlib import asynccontextmanager
from io import BytesIO

import anyio.to_thread
from classifier import open_session, predict
from fastapi import FastAPI, UploadFile
from PIL import Image

session = open_session()


@asynccontextmanager
async def lifespan(_: FastAPI):
    """Sets the number of threads for endpoints."""
    if "PEER_THREADS" in os.environ:
        anyio.to_thread.current_default_thread_limiter().total_tokens = int(os.environ["PEER_THREADS"])
    yield


app = FastAPI(lifespan=lifespan)


@app.get("/livez")
async def livez() -> dict:
    return {"status": "ok"}


@app.post("/predict")
def predict_upload(image: UploadFile) -> dict:
    return predict(session, Image.open(BytesIO(image.file.read())))
