import { Type as T } from 'typebox';
import { CloudError } from '../../../cloud/errors.ts';
import type { Session } from '../../../cloud/identity/sessions.ts';
import { uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation, syncOperation } from '../protocol/operation.ts';
import { formatTimestamp } from '../protocol/timestamp.ts';
import { ZStackError } from '../protocol/zstack-error.ts';
import { ofClass } from '../query/java-classes.ts';

const group = 'Session';
const session = T.Object(
  {
    uuid: T.String({ description: 'What to send as `Authorization: OAuth <uuid>`.' }),
    accountUuid: T.String(),
    userUuid: T.String(),
    userType: T.String(),
    expiredDate: T.String(),
    createDate: T.String(),
  },
  { title: 'SessionInventory', ...ofClass('org.zstack.header.identity.SessionInventory') },
);
const inventory = T.Object({ inventory: session, success: T.Optional(T.Boolean()) });
const example = {
  uuid: '0e4bd14bfbb04a7f9d3c2bd81ed6a2d4',
  accountUuid: '36c27e8ff05c4780bf6d2fa65700f22e',
  userUuid: '36c27e8ff05c4780bf6d2fa65700f22e',
  userType: 'AccountVO',
  expiredDate: 'Nov 21, 2026 4:00:00 PM',
  createDate: 'Nov 21, 2026 2:00:00 PM',
};
/** SHA-512 of `password`. */
const examplePassword =
  'b109f3bbbc244eb82441917ed06d618b9008dd09b3befd1b5e07394c706a8bb980b1d7785e5976ec049b46df5f1326af5a2ea6d103fd07c95385ffab0cacbc86';
const password = T.String({ maxLength: 255, description: 'SHA-512 of the password, lower-case hexadecimal.' });
const loginExtras = {
  captchaUuid: T.Optional(T.String()),
  verifyCode: T.Optional(T.String()),
  clientInfo: T.Optional(T.Unknown()),
};

const logInByAccount = syncOperation({
  id: 'LogInByAccount',
  group,
  package: 'header.identity',
  method: 'PUT',
  path: '/accounts/login',
  since: '0.6',
  allow: 'anyone',
  bodyKeyAliases: ['logIn', 'params'],
  body: T.Object({
    accountName: T.String({ maxLength: 255, description: 'The account’s name.' }),
    password,
    accountType: T.Optional(T.String()),
    ...loginExtras,
  }),
  response: inventory,
  title: 'Log in by account',
  summary: 'Opens a session of an account. It is good for two hours from then; use does not prolong it.',
  examples: [
    {
      title: 'Log in as admin',
      body: { logInByAccount: { accountName: 'admin', password: examplePassword } },
      status: 200,
      response: { inventory: example },
    },
  ],
  handle: async ({ cloud, input }) => {
    const opened = await refusingLogin(() => cloud.identity.sessions.openSession(input.accountName, input.password));
    return { inventory: presentSession(opened) };
  },
});

const logInByUser = syncOperation({
  id: 'LogInByUser',
  group,
  package: 'header.identity',
  method: 'PUT',
  path: '/accounts/users/login',
  since: '0.6',
  allow: 'anyone',
  bodyKeyAliases: ['logIn', 'params'],
  body: T.Object({
    accountUuid: T.Optional(T.String({ description: 'The account, by uuid …' })),
    accountName: T.Optional(T.String({ description: '… or by name.' })),
    userName: T.String({ maxLength: 255, description: 'The user’s name.' }),
    password,
    ...loginExtras,
  }),
  response: inventory,
  title: 'Log in by user',
  summary: 'Opens a session of another user of an account.',
  examples: [
    {
      title: 'Log in as a user of the account admin',
      body: { logInByUser: { accountName: 'admin', userName: 'admin', password: examplePassword } },
      status: 200,
      response: { inventory: { ...example, userType: 'UserVO' } },
    },
  ],
  handle: async ({ cloud, input }) => {
    const account = input.accountUuid ? { id: input.accountUuid } : { name: input.accountName ?? '' };
    const opened = await refusingLogin(() =>
      cloud.identity.sessions.openUserSession(account, input.userName, input.password),
    );
    return { inventory: presentSession(opened) };
  },
});

const logIn = syncOperation({
  id: 'LogIn',
  group,
  package: 'header.identity.login',
  method: 'PUT',
  path: '/login',
  since: '4.6.0',
  allow: 'anyone',
  bodyKeyAliases: ['params'],
  body: T.Object({
    username: T.String({ maxLength: 255, description: 'The account’s name.' }),
    password,
    loginType: T.String({ maxLength: 255, description: 'account, the only one offered.' }),
    properties: T.Optional(T.Unknown()),
    ...loginExtras,
  }),
  response: inventory,
  title: 'Log in',
  summary: 'Opens a session of an account, as LogInByAccount does.',
  examples: [
    {
      title: 'Log in as admin',
      body: { logIn: { username: 'admin', password: examplePassword, loginType: 'account' } },
      status: 200,
      response: { inventory: example },
    },
  ],
  handle: async ({ cloud, input }) => {
    requireAccountLogin(input.loginType);
    const opened = await refusingLogin(() => cloud.identity.sessions.openSession(input.username, input.password));
    return { inventory: presentSession(opened) };
  },
});

const getLoginProcedures = syncOperation({
  id: 'GetLoginProcedures',
  group,
  package: 'header.identity.login',
  method: 'GET',
  path: '/login/procedures',
  since: '4.6.0',
  allow: 'anyone',
  query: T.Object({
    username: T.String({ maxLength: 255, description: 'The account’s name.' }),
    loginType: T.String({ maxLength: 255, description: 'account, the only one offered.' }),
  }),
  response: T.Object({
    procedures: T.Array(
      T.Object(
        {
          order: T.Integer(),
          name: T.String(),
          properties: T.Record(T.String(), T.String()),
        },
        ofClass('org.zstack.header.identity.login.LoginAuthenticationProcedureDesc'),
      ),
    ),
  }),
  title: 'Get what a login takes',
  summary: 'What is asked for beside name and password: nothing, whether there is such an account or not.',
  examples: [
    {
      title: 'Of an account',
      query: { username: 'admin', loginType: 'account' },
      status: 200,
      response: { procedures: [] },
    },
  ],
  handle: ({ input }) => {
    requireAccountLogin(input.loginType);
    return { procedures: [] };
  },
});

function requireAccountLogin(loginType: string): void {
  if (loginType === 'account') return;
  throw new ZStackError('SYS.1014', `the loginType[${loginType}] is not offered by this cloud`);
}

const logOut = syncOperation({
  id: 'LogOut',
  group,
  package: 'header.identity',
  method: 'DELETE',
  path: '/accounts/sessions/{sessionUuid}',
  since: '0.6',
  allow: 'anyone',
  params: uuidIn('sessionUuid', 'The session.'),
  response: T.Object({}),
  title: 'Log out',
  summary: 'Closes a session. One that is closed already stays closed.',
  examples: [{ title: 'Log out', params: { sessionUuid: example.uuid }, status: 200, response: {} }],
  handle: async ({ cloud, input }) => {
    await cloud.identity.sessions.close(input.sessionUuid);
    return {};
  },
});

const validateSession = syncOperation({
  id: 'ValidateSession',
  group,
  package: 'header.identity',
  method: 'GET',
  path: '/accounts/sessions/{sessionUuid}/valid',
  since: '0.6',
  allow: 'anyone',
  params: uuidIn('sessionUuid', 'The session.'),
  response: T.Object({ valid: T.Boolean({ description: 'Whether the session is good.' }) }),
  title: 'Validate a session',
  summary: 'Says whether a session is good.',
  examples: [{ title: 'A session', params: { sessionUuid: example.uuid }, status: 200, response: { valid: false } }],
  handle: async ({ cloud, input }) => ({ valid: await cloud.identity.sessions.isValid(input.sessionUuid) }),
});

const renewSession = jobOperation({
  id: 'RenewSession',
  group,
  package: 'header.identity',
  method: 'PUT',
  path: '/accounts/sessions/{sessionUuid}/renew',
  since: '2.3',
  allow: 'reader',
  ofUsers: 'always',
  params: uuidIn('sessionUuid', 'The session.'),
  body: T.Object({
    duration: T.Optional(
      T.Integer({
        minimum: 60,
        maximum: 31536000,
        description: 'Seconds from now until it ends; two hours if left out.',
      }),
    ),
  }),
  response: inventory,
  title: 'Renew a session',
  summary: 'Moves the end of a session.',
  examples: [
    {
      title: 'For another hour',
      params: { sessionUuid: example.uuid },
      body: { renewSession: { duration: 3600 } },
      status: 200,
      response: { inventory: example },
    },
  ],
  handle: async ({ cloud, input }) => {
    const seconds = input.duration ?? cloud.settings.sessionLifetime;
    const renewed = await refusingLogin(() => cloud.identity.sessions.renew(input.sessionUuid, seconds));
    return { body: { inventory: presentSession(renewed), success: true } };
  },
});

function presentSession(opened: Session): Record<string, unknown> {
  return {
    uuid: opened.id,
    accountUuid: opened.projectId,
    // An account's own user is the account itself to the dialect.
    userUuid: opened.isAccount ? opened.projectId : opened.userId,
    userType: opened.isAccount ? 'AccountVO' : 'UserVO',
    expiredDate: formatTimestamp(opened.expiresAt),
    createDate: formatTimestamp(opened.createdAt),
  };
}

/** Says in the dialect's words why there is no session. */
async function refusingLogin(open: () => Promise<Session>): Promise<Session> {
  try {
    return await open();
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    if (error.details.reason === 'too_many_sessions') throw new ZStackError('ID.1006', error.message);
    if (error.details.reason === 'session_expired') throw new ZStackError('ID.1001', 'Session expired');
    if (error.code === 'unauthenticated') throw new ZStackError('ID.1000', 'wrong account name or password');
    throw error;
  }
}

export const sessionOperations = [
  logInByAccount,
  logInByUser,
  logIn,
  getLoginProcedures,
  logOut,
  validateSession,
  renewSession,
];
