# The user's own photos on top of the training image; the build's context is their directory.
ARG BASE
FROM ${BASE}
COPY --chown=1000:1000 . /photos
