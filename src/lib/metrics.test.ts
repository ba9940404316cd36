import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Counter, Gauge, Histogram } from './metrics.ts';

test('a counter counts by its labels, whatever they hold', () => {
  const counter = new Counter({ name: 'x_total', help: 'Xs.', labels: ['a', 'b'] });
  counter.add(['1', '2']);
  counter.add(['1', '2'], 2);
  counter.add(['"\\\n', '__proto__']);
  assert.equal(
    counter.expose(),
    '# HELP x_total Xs.\n# TYPE x_total counter\nx_total{a="1",b="2"} 3\nx_total{a="\\"\\\\\\n",b="__proto__"} 1\n',
  );
});

test('a histogram adds up its buckets', () => {
  const histogram = new Histogram({ name: 'h', help: 'H.', bounds: [1, 2] });
  for (const value of [0.5, 1, 1.5, 9]) histogram.observe([], value);
  assert.equal(
    histogram.expose(),
    '# HELP h H.\n# TYPE h histogram\nh_bucket{le="1"} 2\nh_bucket{le="2"} 3\nh_bucket{le="+Inf"} 4\nh_sum 12\nh_count 4\n',
  );
});

test('labels that strangers choose do not grow without bound', () => {
  const counter = new Counter({ name: 'x', help: 'Xs.', labels: ['a'] });
  for (let index = 0; index < 20_000; index++) counter.add([String(index)]);
  const lines = counter.expose().split('\n');
  assert.ok(lines.length < 10_010, `${lines.length} lines`);
  assert.ok(lines.some((one) => one.startsWith('x{a=""} ')));
});

test('a gauge is read when somebody looks', () => {
  let value = 1;
  const gauge = new Gauge({ name: 'g', help: 'G.', labels: ['k'] }, () => [[['v'], value]]);
  value = 5;
  assert.equal(gauge.expose(), '# HELP g G.\n# TYPE g gauge\ng{k="v"} 5\n');
});
