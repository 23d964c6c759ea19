import { createHash } from 'node:crypto';
import { DataFolder } from '../data-folder.ts';
import { defaultListen, defaultPort } from '../program.ts';
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

function k5Lines(origin: string, password: string): string[] {
  return [
    ...openstackLines(origin, password),
    '',
    '# Signs in with curl, then lists the servers of the project:',
    "# answer=$(curl -si $OS_AUTH_URL/auth/tokens -H 'Content-Type: application/json' -d '" +
      signInBody(password) +
      "')",
    "# token=$(printf '%s' \"$answer\" | tr -d '\\r' | sed -n 's/^x-subject-token: //ip')",
    '# tenant=$(printf \'%s\' "$answer" | tail -n 1 | jq -r .token.project.id)',
    `# curl -s ${origin}/v2/$tenant/servers -H "X-Auth-Token: $token"`,
  ];
}

function signInBody(password: string): string {
  const user = { name: 'admin', domain: { id: 'default' }, password };
  return JSON.stringify({ auth: { identity: { methods: ['password'], password: { user } } } });
}

function zstackLines(origin: string, password: string): string[] {
  const hashed = createHash('sha512').update(password).digest('hex');
  const body = JSON.stringify({ logInByAccount: { accountName: 'admin', password: hashed } });
  return [
    ...exports({
      ZSTACK_HOST: new URL(origin).hostname,
      ZSTACK_PORT: new URL(origin).port,
      ZSTACK_ACCOUNT_NAME: 'admin',
      ZSTACK_ACCOUNT_PASSWORD: password,
    }),
    '',
    '# Signs in with curl (the password goes as its SHA-512), then lists the virtual machines:',
    `# session=$(curl -s -X PUT ${origin}/zstack/v1/accounts/login -H 'Content-Type: application/json' -d '${body}' | jq -r .inventory.uuid)`,
    `# curl -s ${origin}/zstack/v1/vm-instances -H "Authorization: OAuth $session"`,
  ];
}

function exports(variables: Record<string, string>): string[] {
  return Object.entries(variables).map(([name, value]) => `export ${name}=${quoted(value)}`);
}

/** As a shell reads it back, whatever is in it. */
function quoted(text: string): string {
  return /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
