/** Where to go after logging in: the page that was wanted, if it is one of ours. */
export function pathAfterLogin(next: string | undefined): string {
  // `//host` and `/\host` are addresses of other servers to a browser, which leaves out control characters.
  if (next === undefined || !/^\/(?![/\\])[^\p{Cc}]*$/u.test(next) || next.startsWith("/login")) return "/";
  return next;
}
