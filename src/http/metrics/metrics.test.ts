import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startFixture } from '../testing/fixture.ts';

const MAPS = '/api/v1/namespaces/default/configmaps';

test('requests are counted by what they asked for, and strangers make no series', async () => {
  await using fixture = await startFixture();
  await fixture.call('POST', MAPS, { body: { metadata: { name: 'a' } } });
  await fixture.call('GET', `${MAPS}/a`);
  await fixture.call('GET', `${MAPS}/missing`);
  await fixture.call('GET', MAPS);
  await fixture.call('GET', `${MAPS}?watch=1&timeoutSeconds=1`);
  await fixture.call('GET', '/apis/strange.example/v1/whatever');
  const answer = await fixture.call('GET', '/metrics');
  assert.equal(answer.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  const of = (verb: string, scope: string, code: number) =>
    `apiserver_request_total{verb="${verb}",dry_run="",group="",version="v1",resource="configmaps",subresource="",scope="${scope}",component="apiserver",code="${code}"} 1\n`;
  for (const line of [
    of('POST', 'namespace', 201),
    of('GET', 'resource', 200),
    of('GET', 'resource', 404),
    of('LIST', 'namespace', 200),
    of('WATCH', 'namespace', 200),
  ])
    assert.ok(answer.text.includes(line), `${line}\n${answer.text}`);
  assert.ok(!answer.text.includes('strange.example'));
  assert.match(answer.text, /apiserver_request_duration_seconds_count\{verb="LIST"[^}]*\} 1\n/);
  assert.ok(!/duration_seconds_count\{verb="WATCH"/.test(answer.text));
  assert.match(answer.text, /\napiserver_current_inflight_requests\{request_kind="readOnly"\} 1\n/);
  assert.match(
    answer.text,
    /\napiserver_flowcontrol_nominal_limit_seats\{priority_level="global-default"\} 49\n/,
  );
  assert.match(answer.text, /\nprocess_resident_memory_bytes \d+\n/);
  assert.match(answer.text, /\nprocess_start_time_seconds \d+/);
});
