/** ZStack's error codes with the fixed description that goes with each: `description` never varies, `details` does. */
export const errorDescriptions = {
  'SYS.1000': 'An internal error happened in system',
  'SYS.1001': 'A message or a operation timeout',
  'SYS.1002': 'Unable to create a resource',
  'SYS.1003': 'A resource can not be found',
  'SYS.1004': 'Unable to delete a resource',
  'SYS.1005': 'Unable to change resource state',
  'SYS.1006': 'An operation failed',
  'SYS.1007': 'One or more API argument is invalid',
  'SYS.1010': 'Management server is not ready to serve',
  'SYS.1012': 'The management node is unavailable',
  'SYS.1013': "The resource doesn't have capability to proceed an operation",
  'SYS.1014': 'The operation is not implemented or not supported yet',
  'SYS.1016': 'Cannot do an IO operation(e.g. network IO error, file IO error)',
  'SYS.1017': 'A message or a operation cancelled',
  'ID.1000': 'Unable to authenticate a user',
  'ID.1001': 'The session is invalid, either wrong session id or the session has been expired',
  'ID.1002': "The user doesn't have permission to perform the operation",
  'ID.1003': 'The user exceeds a quota of a resource',
  'ID.1004': 'Invalid quota operation',
  'ID.1006': 'The number of concurrent sessions of the user exceeds its limit',
  'IMG.1000': "Unable to create an image from vm's volume",
  'BS.1000': 'Unable to download an image to backup storage',
  'BS.1003': 'Unable to allocate a backup storage',
  'VM.1000': 'Unable to create a new vm',
  'VM.1001': 'Unable to start a vm',
  'VM.1002': 'Unable to stop a vm',
  'VM.1003': 'Unable to reboot a vm',
  'VM.1004': 'Unable to destroy a vm',
  'VM.1010': 'VM is not in state that allows required operation',
  'HOST_ALLOCATION.1000': 'No available host found',
  'TAG.1000': 'Tag generic error',
  'TAG.1001': 'Duplicated tag.',
} as const;

export type ErrorCode = keyof typeof errorDescriptions;

/** The `error` member of an answer. Members that are null stay away. */
export interface ErrorBody {
  code: ErrorCode;
  description: string;
  details: string;
  /** Newer servers' finer name of the failure, beside `code`. */
  globalErrorCode?: string;
  cause?: ErrorBody;
}
