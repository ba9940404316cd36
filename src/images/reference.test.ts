import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatReference, parseReference } from './reference.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;

const NORMAL: Readonly<Record<string, string>> = {
  nginx: 'docker.io/library/nginx:latest',
  'nginx:1.25': 'docker.io/library/nginx:1.25',
  'user/app': 'docker.io/user/app:latest',
  'docker.io/nginx': 'docker.io/library/nginx:latest',
  'index.docker.io/library/nginx:x': 'docker.io/library/nginx:x',
  'localhost/app': 'localhost/app:latest',
  'localhost:5000/app:1': 'localhost:5000/app:1',
  'registry.example/a/b/c:v1.0_x-y': 'registry.example/a/b/c:v1.0_x-y',
  '[::1]:5000/a:b': '[::1]:5000/a:b',
  [`nginx@${DIGEST}`]: `docker.io/library/nginx@${DIGEST}`,
  [`registry.example:443/nginx:1@${DIGEST}`]: `registry.example:443/nginx@${DIGEST}`,
};

const MALFORMED = [
  '',
  ':tag',
  'nginx:',
  'Nginx',
  'a//b',
  '/a',
  'a/',
  'nginx:-x',
  'nginx@sha256:12',
  `nginx@sha512:${'a'.repeat(64)}`,
  'a@b@c',
  'a b',
  '../etc/passwd',
  'registry.example/../x',
  'http://registry.example/x',
  `a${'b'.repeat(300)}`,
  `x:${'t'.repeat(129)}`,
  'nginx\n',
];

test('references are normalised', () => {
  for (const [text, normal] of Object.entries(NORMAL)) {
    assert.equal(formatReference(parseReference(text)), normal, text);
    assert.equal(formatReference(parseReference(normal)), normal, `${normal} stays`);
  }
});

test('malformed references are refused', () => {
  for (const text of MALFORMED) {
    assert.throws(
      () => parseReference(text),
      { code: 'BadRequest', message: /malformed/ },
      JSON.stringify(text),
    );
  }
});
