import type { Subject } from '../identity/subject.ts';

/** Who the cloud itself is when it makes what is its own, as a router's ports. */
export function operator(projectId: string): Subject {
  return {
    userId: projectId,
    userName: 'admin',
    projectId,
    projectName: 'admin',
    domainId: 'default',
    roles: ['admin'],
    isAdmin: true,
    requestId: 'bootstrap',
  };
}
