"""The model as a BentoML service with its default settings, but for PEER_WORKERS processes."""

import os

import bentoml
from classifier import open_session, predict
from PIL.Image import Image


@bentoml.service(workers=int(os.environ.get("PEER_WORKERS", "1")))
class Classifier:
    """One session a worker."""

    def __init__(self) -> None:
        self.session = open_session()

    @bentoml.api
    def predict(self, image: Image) -> dict:
        """BentoML opens the uploaded photo."""
        return predict(self.session, image)
