/** Another machine could not be reached by SSH, or is not the one that it should be. */
export class SshError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'SshError';
  }
}
