"""The model as a runtime of MLServer: photos come in Base64 in a JSON tensor of bytes, as the V2 protocol has them."""

from io import BytesIO

import numpy as np
from classifier import MODEL, open_session, predict
from mlserver import MLModel
from mlserver.codecs import Base64Codec, NumpyCodec, StringCodec
from mlserver.types import InferenceRequest, InferenceResponse
from PIL import Image


class Classifier(MLModel):
    """One session in MLServer's inference process."""

    async def load(self) -> bool:
        self.session = open_session()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        photos = Base64Codec.decode_input(payload.inputs[0])
        answers = [predict(self.session, Image.open(BytesIO(photo))) for photo in photos]
        labels = [answer["label"] for answer in answers]
        scores = np.array([list(answer["probabilities"].values()) for answer in answers])
        return InferenceResponse(
            model_name=self.name,
            model_version=MODEL["version"],
            outputs=[
                StringCodec.encode_output("label", labels),
                NumpyCodec.encode_output("probabilities", scores),
            ],
        )
