/** The body of a 202. SDKs look for the text `/zstack/v1/api-jobs` in it, whichever mount they came by. */
export function jobLocation(origin: string, jobId: string, timeoutSeconds: number) {
  return { location: `${origin}/zstack/v1/api-jobs/${jobId}`, apiTimeout: timeoutSeconds * 1000 };
}
