/* What is used of the package, which ships no types: Emscripten's module of libjpeg-turbo's decoder. */
declare module "@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs" {
  /** One decoder with its buffers, which its methods use again and again. */
  type JpegDecoder = {
    /** Where the file's bytes are to be written. */
    getEncodedBuffer(size: number): Uint8Array;
    /** Reads what getFrameInfo gives, up to the first scan. @throws as decode does */
    readHeader(): void;
    /** @throws a number (the address of a C++ exception), and never gives back what it had taken by then */
    decode(): void;
    /** A view of the module's memory, valid until the next call. */
    getDecodedBuffer(): Uint8Array;
    getFrameInfo(): { readonly width: number; readonly height: number };
  };
  export type LibjpegTurbo = { readonly JPEGDecoder: new () => JpegDecoder };
  const createLibjpegTurbo: () => Promise<LibjpegTurbo>;
  // biome-ignore lint/style/noDefaultExport: that is how the package exports it.
  export default createLibjpegTurbo;
}
