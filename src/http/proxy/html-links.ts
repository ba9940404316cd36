import { Transform } from 'node:stream';
import { LIMITS } from '../../lib/limits.ts';

/** Attributes that hold an address, by element: upstream's list. */
const LINKS: Readonly<Record<string, readonly string[]>> = {
  a: ['href'],
  applet: ['codebase'],
  area: ['href'],
  audio: ['src'],
  base: ['href'],
  blockquote: ['cite'],
  body: ['background'],
  button: ['formaction'],
  command: ['icon'],
  del: ['cite'],
  embed: ['src'],
  form: ['action'],
  frame: ['longdesc', 'src'],
  head: ['profile'],
  html: ['manifest'],
  iframe: ['longdesc', 'src'],
  img: ['longdesc', 'src', 'usemap'],
  input: ['src', 'usemap', 'formaction'],
  ins: ['cite'],
  link: ['href'],
  object: ['classid', 'codebase', 'data', 'usemap'],
  q: ['cite'],
  script: ['src'],
  source: ['src'],
  video: ['poster', 'src'],
};

/** Elements whose content is text, whatever it looks like. */
const RAW = new Set(['script', 'style', 'textarea', 'title', 'xmp', 'iframe', 'noembed', 'noframes']);

/**
 * Rewrites the links of a page while it goes through, so that they lead through the proxy. All else, bytes of any
 * character set included, stays as it is; so does a tag that is longer than anybody writes.
 */
export function rewriteLinks(rewrite: (url: string) => string): Transform {
  const page = new Page(rewrite);
  return new Transform({
    transform: (chunk: Buffer, _encoding, done) =>
      done(null, Buffer.from(page.push(chunk.toString('latin1')), 'latin1')),
    flush: (done) => done(null, Buffer.from(page.rest, 'latin1')),
  });
}

class Page {
  /** What may be the beginning of something. */
  rest = '';
  /** What ends the text we are in: `-->`, `</script`. */
  #until = '';
  readonly #rewrite: (url: string) => string;

  constructor(rewrite: (url: string) => string) {
    this.#rewrite = rewrite;
  }

  push(chunk: string): string {
    const text = this.rest + chunk;
    let out = '';
    let at = 0;
    for (;;) {
      const next = this.#until === '' ? this.#tag(text, at) : this.#text(text, at);
      if (next === undefined) break;
      out += next.out;
      at = next.end;
    }
    this.rest = text.slice(at);
    if (this.rest.length <= LIMITS.htmlTagBytes) return out;
    out += this.rest;
    this.rest = '';
    return out;
  }

  /** Up to the end of the text that is not looked into; a part of what ends it may be all that has come. */
  #text(text: string, at: number): Step | undefined {
    const found = text.toLowerCase().indexOf(this.#until, at);
    const end = found < 0 ? text.length - this.#until.length + 1 : found;
    if (found >= 0) this.#until = '';
    return end > at || found >= 0
      ? { out: text.slice(at, Math.max(at, end)), end: Math.max(at, end) }
      : undefined;
  }

  /** What comes before the next tag, and the tag; undefined when that is not there yet. */
  #tag(text: string, at: number): Step | undefined {
    const open = text.indexOf('<', at);
    if (open < 0) return at < text.length ? { out: text.slice(at), end: text.length } : undefined;
    if (open > at) return { out: text.slice(at, open), end: open };
    if (text.startsWith('<!--', open)) {
      this.#until = '-->';
      return { out: '<!--', end: open + 4 };
    }
    if (text.length - open < 4) return undefined;
    const name = /^<([a-z][a-z0-9]*)/i.exec(text.slice(open, open + 32))?.[1]?.toLowerCase();
    if (name === undefined) return { out: '<', end: open + 1 };
    const end = endOfTag(text, open);
    if (end < 0) return undefined;
    if (RAW.has(name)) this.#until = `</${name}`;
    return { out: this.#rewritten(name, text.slice(open, end)), end };
  }

  #rewritten(name: string, tag: string): string {
    const links = Object.hasOwn(LINKS, name) ? LINKS[name] : undefined;
    if (links === undefined) return tag;
    return tag.replace(
      /([^\s"'<>/=]+)(\s*=\s*)(?:"([^"]*)"|'([^']*)'|([^\s"'=<>`]+))/g,
      (all: string, attribute: string, equals: string, ...values: (string | undefined)[]) => {
        const [double, single, bare] = values;
        const value = double ?? single ?? bare ?? '';
        if (!links.includes(attribute.toLowerCase())) return all;
        const quote = single === undefined ? '"' : "'";
        return `${attribute}${equals}${quote}${this.#rewrite(value)}${quote}`;
      },
    );
  }
}

interface Step {
  readonly out: string;
  readonly end: number;
}

/** After its `>`, which may also stand in quotes; negative when it is not there yet. */
function endOfTag(text: string, open: number): number {
  let quote = '';
  for (let at = open + 1; at < text.length; at++) {
    const character = text.charAt(at);
    if (quote !== '') {
      if (character === quote) quote = '';
    } else if (character === '"' || character === "'") quote = character;
    else if (character === '>') return at + 1;
  }
  return -1;
}
