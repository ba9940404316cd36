import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { rewriteLinks } from './html-links.ts';

function through(page: string, size = page.length): Promise<string> {
  const bytes = Buffer.from(page);
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
  const rewrite = (url: string) => (url.startsWith('/') ? `/p${url}` : url);
  return text(Readable.from(chunks).pipe(rewriteLinks(rewrite)));
}

const TABLE: ReadonlyArray<[string, string]> = [
  ['<a href="/rewriteme">test</a>', '<a href="/p/rewriteme">test</a>'],
  ['<A class=x HREF=\'/x\' data-y="/y">', '<A class=x HREF=\'/p/x\' data-y="/y">'],
  ['<img src=/x.png alt="a > b" usemap="/m">', '<img src="/p/x.png" alt="a > b" usemap="/p/m">'],
  ['<a href="x">, 1 < 2 & <b>/c</b>', '<a href="x">, 1 < 2 & <b>/c</b>'],
  ['<!-- <a href="/x"> --><a href="/y">', '<!-- <a href="/x"> --><a href="/p/y">'],
  [
    '<script src="/a.js">"<a href=\'/x\'>"</script><link href="/s.css">',
    '<script src="/p/a.js">"<a href=\'/x\'>"</script><link href="/p/s.css">',
  ],
  [
    '<form action="/do"><p title="<a href=/no>">ü€</p>',
    '<form action="/p/do"><p title="<a href=/no>">ü€</p>',
  ],
  ['<a href="/unfinished', '<a href="/unfinished'],
  ['<', '<'],
  ['a<!', 'a<!'],
];
for (const [page, wanted] of TABLE)
  test(`links of ${page}`, async () => {
    assert.equal(await through(page), wanted);
    for (const size of [1, 2, 5]) assert.equal(await through(page, size), wanted, `in chunks of ${size}`);
  });

test('a page of nothing but one endless tag goes through, in time that grows with its length', async () => {
  const page = `<a ${'x='.repeat(1_000_000)}`;
  assert.equal((await through(page, 65_536)).length, page.length);
  const comment = `<!--${'-'.repeat(1_000_000)}`;
  assert.equal((await through(comment, 16_384)).length, comment.length);
  const script = `<script>${'</scrip'.repeat(100_000)}`;
  assert.equal((await through(script, 16_384)).length, script.length);
});
