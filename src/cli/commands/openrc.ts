import { createHash } from 'node:crypto';
import { adminAccountId } from '../../cloud/identity/model.ts';
import { DataFolder } from '../data-folder.ts';
import { defaultListen, defaultPort } from '../defaults.ts';
import { UserError } from '../user-error.ts';

export interface OpenrcOptions {
  dataDir: string;
  dialect: 'openstack' | 'k5' | 'zstack';
}

/** `unkai openrc` */
export async function openrc({ dataDir, dialect }: OpenrcOptions): Promise<void> {
  const folder = new DataFolder(dataDir);
  const password = folder.adminPassword();
  if (!password) {
    throw new UserError(
      `${folder.passwordFile} is missing: no cloud was started with this folder yet (unkai up), or its database held one before.`,
    );
  }
  const running = folder.running();
  if (!running) console.error('unkai: the cloud does not run; these are the values for the default port.');
  const origin = running?.origin ?? `http://${defaultListen}:${defaultPort}`;
  const text = { openstack: openstackLines, k5: k5Lines, zstack: zstackLines }[dialect](origin, password);
  console.log(text.join('\n'));
}

function openstackLines(origin: string, password: string): string[] {
  return exports({
    OS_AUTH_URL: `${origin}/identity/v3`,
    OS_IDENTITY_API_VERSION: '3',
    OS_USERNAME: 'admin',
    OS_PASSWORD: password,
    OS_USER_DOMAIN_NAME: 'Default',
    OS_PROJECT_NAME: 'admin',
    OS_PROJECT_DOMAIN_NAME: 'Default',
    OS_REGION_NAME: 'RegionOne',
    OS_INTERFACE: 'public',
  });
}

/** K5 takes Keystone's tokens, and has the project in its URLs. */
function k5Lines(origin: string, password: string): string[] {
  const user = { name: 'admin', domain: { id: 'default' }, password };
  const body = JSON.stringify({ auth: { identity: { methods: ['password'], password: { user } } } });
  const signIn = `curl -si ${origin}/identity/v3/auth/tokens ${json} -d ${quoted(body)}`;
  return [
    ...exports({ K5_URL: `${origin}/v2/${adminAccountId}` }),
    `export TOKEN=$(${signIn} | tr -d '\\r' | sed -n 's/^x-subject-token: //Ip')`,
    '# Now, for example:',
    '# curl -s $K5_URL/servers -H "X-Auth-Token: $TOKEN"',
  ];
}

function zstackLines(origin: string, password: string): string[] {
  const hashed = createHash('sha512').update(password).digest('hex');
  const body = JSON.stringify({ logInByAccount: { accountName: 'admin', password: hashed } });
  const signIn = `curl -s -X PUT ${origin}/zstack/v1/accounts/login ${json} -d ${quoted(body)}`;
  return [
    ...exports({
      ZSTACK_HOST: new URL(origin).hostname,
      ZSTACK_PORT: new URL(origin).port,
      ZSTACK_ACCOUNT_NAME: 'admin',
      ZSTACK_ACCOUNT_PASSWORD: password,
      ZSTACK_URL: `${origin}/zstack/v1`,
    }),
    '# Signs in: the password goes as its SHA-512. A session is good for two hours.',
    `export SESSION=$(${signIn} | sed -n 's/.*"uuid":"\\([0-9a-f]\\{32\\}\\)".*/\\1/p')`,
    '# Now, for example:',
    '# curl -s $ZSTACK_URL/vm-instances -H "Authorization: OAuth $SESSION"',
  ];
}

const json = "-H 'Content-Type: application/json'";

function exports(variables: Record<string, string>): string[] {
  return Object.entries(variables).map(([name, value]) => `export ${name}=${quoted(value)}`);
}

/** As a shell reads it back, whatever is in it. */
function quoted(text: string): string {
  return /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
