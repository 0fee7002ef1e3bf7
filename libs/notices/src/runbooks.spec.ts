import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { configKeys } from '#libs/config/src/index.js';

it('each alert has a runbook of its name, and each runbook an alert', () => {
  const on = configKeys().find(({ path }) => path === 'alerts[].on');
  const alerts = (on?.type ?? '').replace('list of ', '').split(/ \\?\| /);
  expect(alerts).toContain('breaker');
  const folder = join(process.cwd(), 'docs/runbooks');
  const runbooks = readdirSync(folder).map((file) => file.replace(/\.md$/, ''));
  expect(alerts.filter((alert) => !existsSync(join(folder, `${alert}.md`)))).toEqual([]);
  expect(runbooks.filter((runbook) => !alerts.includes(runbook))).toEqual([]);
  for (const runbook of runbooks)
    expect([runbook, readFileSync(join(folder, `${runbook}.md`), 'utf8')]).toEqual([runbook, expect.stringMatching(/^## .*[Ss]afe/m)]);
});
