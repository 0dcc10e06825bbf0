/**
 * The form that asks for a key. It is not there before one is needed.
 *
 * @param {{ readonly form: HTMLFormElement, readonly field: HTMLInputElement, readonly why: HTMLElement }} parts
 * @param {(key: string) => void} onKey
 */
export const createKeyForm = ({ form, field, why }, onKey) => {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const key = field.value.trim();
    form.hidden = true;
    field.value = "";
    why.textContent = "";
    onKey(key);
  });
  return {
    /** @param {string} reason */
    show(reason) {
      form.hidden = false;
      why.textContent = reason;
      field.focus();
    },
  };
};
