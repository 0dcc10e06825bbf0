/** What a link names is read after the click, in Firefox in a later task: it has to be there until then. */
const READ_MS = 60_000;

/**
 * Gives people a file to keep.
 *
 * @param {string} name
 * @param {Blob} content
 */
export const saveFile = (name, content) => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), READ_MS);
};
