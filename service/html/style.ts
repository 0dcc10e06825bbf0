/** What the service's pages have in common: follows the reader's choice of light or dark, and asks for nothing from elsewhere. */
export const STYLE = `
:root{--bg:#fff;--fg:#1b1f24;--dim:#5a636e;--grid:#e1e4e8;--card:#f6f8fa;
--c0:#0b66c3;--c1:#c4510a;--c2:#1a7f37;--c3:#8250df;--c4:#b31d5b;--c5:#0e7c86;--c6:#8a6100;--c7:#57606a}
@media(prefers-color-scheme:dark){:root{--bg:#0d1117;--fg:#e6edf3;--dim:#9aa4af;--grid:#30363d;--card:#161b22;
--c0:#58a6ff;--c1:#f0883e;--c2:#56d364;--c3:#bc8cff;--c4:#ff7eb6;--c5:#39c5cf;--c6:#e3b341;--c7:#b1bac4}}
body{margin:0 auto;max-width:1400px;padding:1rem;background:var(--bg);color:var(--fg);font:15px/1.4 system-ui,sans-serif}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin:1.5rem 0 .5rem}h3{font-size:.95rem;margin:0}
.panels{display:grid;gap:.75rem;grid-template-columns:repeat(auto-fill,minmax(320px,1fr))}
table{border-collapse:collapse}th,td{padding:.1rem .6rem .1rem 0;text-align:left}td{font-variant-numeric:tabular-nums}
caption{position:absolute;clip-path:inset(50%)}
`;
