import type { IdentityListAvailableProjects } from '../api/answers.ts';
import type { IdentityAuthenticateAndIssueTokenBody, ZstackLogInByAccountBody } from '../api/bodies.ts';
import { ApiError, get, send } from './api.ts';
import { type Session, session, setSession } from './session.ts';

interface TokenBody {
  token: {
    expires_at: string;
    user: { id: string; name: string };
    project?: { id: string; name: string };
    roles?: Array<{ name: string }>;
  };
}

export type Project = IdentityListAvailableProjects['projects'][number];

const lastProject = 'unkai.project';

/**
 * Signs in, and chooses the project of last time, or the first. Throws `ApiError` for wrong credentials, and
 * `PasscodeWanted` for a user who has to give a passcode too.
 */
export async function signIn(name: string, password: string, passcode?: string): Promise<void> {
  const user = { name, domain: { id: 'default' } };
  const identity = {
    methods: passcode === undefined ? ['password'] : ['password', 'totp'],
    password: { user: { ...user, password } },
    ...(passcode === undefined ? {} : { totp: { user: { ...user, passcode } } }),
  };
  const unscoped = await send<TokenBody>({
    method: 'POST',
    path: '/identity/v3/auth/tokens',
    body: { auth: { identity, scope: 'unscoped' } } satisfies IdentityAuthenticateAndIssueTokenBody,
  }).catch((error: unknown) => {
    throw wantsPasscode(error) ? new PasscodeWanted() : error;
  });
  const token = unscoped.headers.get('x-subject-token') ?? '';
  const { body } = await send<{ projects: Project[] }>({
    method: 'GET',
    path: '/identity/v3/auth/projects',
    headers: { 'X-Auth-Token': token },
  });
  const last = localStorage.getItem(lastProject);
  const project = body.projects.find(({ id }) => id === last) ?? body.projects.find((one) => one.enabled);
  if (!project) throw new NoProject();
  await enterProject(token, project.id);
  const zstack = await zstackSession(name, password);
  const current = session();
  if (zstack && current) setSession({ ...current, zstack });
}

/** All was right so far, and the user has to use an authenticator as well. */
export class PasscodeWanted extends Error {}

/** Keystone says with a receipt that more is wanted, and what: combinations of methods, of which one is enough. */
function wantsPasscode(error: unknown): boolean {
  if (!(error instanceof ApiError) || error.status !== 401) return false;
  const { required_auth_methods: ways } = (error.body ?? {}) as { required_auth_methods?: string[][] };
  return ways?.some((way) => way.every((method) => method === 'password' || method === 'totp')) ?? false;
}

/** The user exists, but may not work on any project. */
export class NoProject extends Error {}

/** Gets a token for another project with the one at hand. */
export async function switchProject(projectId: string): Promise<void> {
  const current = session();
  if (!current) return;
  await enterProject(current.token, projectId);
}

async function enterProject(token: string, projectId: string): Promise<void> {
  const auth = { identity: { methods: ['token'], token: { id: token } }, scope: { project: { id: projectId } } };
  const { headers, body } = await send<TokenBody>({
    method: 'POST',
    path: '/identity/v3/auth/tokens',
    body: { auth } satisfies IdentityAuthenticateAndIssueTokenBody,
  });
  const { user, project, roles = [], expires_at } = body.token;
  const next: Session = {
    ...session(),
    token: headers.get('x-subject-token') ?? '',
    expiresAt: expires_at,
    user,
    project: project ?? { id: projectId, name: projectId },
    isAdmin: roles.some((role) => role.name === 'admin'),
  };
  localStorage.setItem(lastProject, projectId);
  setSession(next);
}

export async function myProjects(): Promise<Project[]> {
  return (await get<{ projects: Project[] }>('/identity/v3/auth/projects')).projects;
}

/** The explorer calls the ZStack API as well; a user without an account there just has no session. */
async function zstackSession(accountName: string, password: string): Promise<string | undefined> {
  const digest = await sha512(password);
  try {
    const { body } = await send<{ inventory: { uuid: string } }>({
      method: 'PUT',
      path: '/zstack/v1/accounts/login',
      body: { logInByAccount: { accountName, password: digest } } satisfies ZstackLogInByAccountBody,
    });
    return body.inventory.uuid;
  } catch {
    return undefined;
  }
}

/** ZStack's clients never send the password itself. Pages without TLS have no WebCrypto, except on the machine itself. */
async function sha512(text: string): Promise<string> {
  if (!globalThis.crypto?.subtle) return text;
  const bytes = await crypto.subtle.digest('SHA-512', new TextEncoder().encode(text));
  return [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

export async function signOut(): Promise<void> {
  const current = session();
  if (current) {
    const revoke = {
      method: 'DELETE',
      path: '/identity/v3/auth/tokens',
      headers: { 'X-Subject-Token': current.token },
    };
    await send(revoke).catch(() => undefined);
  }
  setSession(null);
}
