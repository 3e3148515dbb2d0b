/* An Error with the code that libtaskd would return: 'ECANCELED', 'EINVAL', 'EMSGSIZE' ... */
export function failure(code, text, cause) {
  const error = new Error(`${code}: ${text}`, cause === undefined ? undefined : { cause });
  error.code = code;
  return error;
}
