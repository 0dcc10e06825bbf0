import { STYLE } from "./style.ts";

/** Text that HTML and SVG show as it is. */
export const escapeText = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

export type HtmlPage = {
  /** Title and first heading, as text. */
  readonly title: string;
  /** Style sheet of this page, behind the common one. */
  readonly style: string;
  /** More of the head, as HTML. */
  readonly head?: string;
  /** What follows the heading, as HTML. */
  readonly body: string;
  /** What a Content-Security-Policy knows this page's own style sheet and scripts by. */
  readonly nonce?: string;
};

/** A whole page with the service's look. */
export const htmlDocument = ({ title, style, head = "", body, nonce }: HtmlPage): string =>
  `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeText(title)}</title>
<style${nonce === undefined ? "" : ` nonce="${nonce}"`}>${STYLE}${style}</style>
${head}
</head>
<body>
<h1>${escapeText(title)}</h1>
${body}
</body>
</html>
`;
