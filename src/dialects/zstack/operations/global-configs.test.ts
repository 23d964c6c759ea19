import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestZStack } from '../zstack.fixture.ts';

let zstack: TestZStack;
beforeAll(async () => {
  zstack = await TestZStack.start();
});
afterAll(async () => {
  await zstack?.stop();
});

const update = (config: string, value: string | undefined, headers?: Record<string, string>) =>
  zstack.run('PUT', `/global-configurations/${config}/actions`, { updateGlobalConfig: { value } }, headers);
const failing = (code: string, details: string) => ({ status: 503, json: { error: { code, details } } });

describe('global configurations', () => {
  it('are changed, hold for what comes after, are read again from the database, and are reset', async () => {
    expect(await update('vm/deletionPolicy', 'Delay')).toMatchObject({
      status: 200,
      json: { inventory: { category: 'vm', name: 'deletionPolicy', value: 'Delay', defaultValue: 'Direct' } },
    });
    expect(zstack.cloud.settings.reclaimInterval).toBe(604_800);
    expect(await update('vm/expungePeriod', '3600')).toMatchObject({ json: { inventory: { value: '3600' } } });
    expect(await update('image/expungePeriod', '86400')).toMatchObject({ json: { inventory: { value: '86400' } } });
    zstack.cloud.settings.reclaimInterval = 0;
    await zstack.cloud.changedSettings.load();
    expect(await zstack.query('/global-configurations?q=category=vm&sort=name')).toMatchObject([
      { name: 'deletionPolicy', value: 'Delay' },
      { name: 'expungePeriod', value: '3600' },
    ]);
    expect(await update('image/deletionPolicy', 'Never')).toMatchObject({ json: { inventory: { value: 'Never' } } });
    expect(zstack.cloud.settings.imageDeletion).toBe(2);
    const reset = await zstack.run('PUT', '/global-configurations/actions', { resetGlobalConfig: {} });
    expect(reset).toMatchObject({ status: 200 });
    expect(await zstack.query('/global-configurations?q=name=expungePeriod&q=category=image')).toMatchObject([
      { value: '604800', defaultValue: '604800' },
    ]);
  });

  it('say what they can be, and refuse the rest', async () => {
    const options = async (config: string) =>
      (await zstack.call('GET', `/global-configurations/${config}`)).json['options'];
    expect(await options('vm/deletionPolicy')).toEqual({ validValue: ['Direct', 'Delay'] });
    expect(await options('image/expungePeriod')).toEqual({
      numberGreaterThanOrEqual: 0,
      numberLessThanOrEqual: 31_536_000,
    });
    const named = (config: string) => `global config[category:${config.replace('/', ', name:')}]`;
    expect(await update('vm/deletionPolicy', 'Never')).toMatchObject(
      failing('SYS.1007', `invalid value[Never] of ${named('vm/deletionPolicy')}, valid values are [Direct, Delay]`),
    );
    expect(await update('image/expungePeriod', '-1')).toMatchObject(
      failing('SYS.1007', `invalid value[-1] of ${named('image/expungePeriod')}, it must be a whole number`),
    );
    expect(await update('identity/session.timeout', '1')).toMatchObject(
      failing(
        'SYS.1007',
        `invalid value[1] of ${named('identity/session.timeout')}, it must be in range of [10, 31536000]`,
      ),
    );
    expect(await options('image/deletionPolicy')).toEqual({ validValue: ['Direct', 'Delay', 'Never'] });
    expect(await update('volume/deletionPolicy', 'Delay')).toMatchObject(
      failing('SYS.1014', `${named('volume/deletionPolicy')} can't be changed in this cloud`),
    );
    expect(await update('image/none', 'x')).toMatchObject(
      failing('SYS.1007', 'Unable to find GlobalConfig[category: image, name: none]'),
    );
  });

  it('are changed by administrators only', async () => {
    const authorization = `OAuth ${await zstack.newAccount('alice')}`;
    expect(await update('vm/expungePeriod', '60', { authorization })).toMatchObject({
      json: { error: { code: 'ID.1002' } },
    });
  });
});
