import { Button, Center, Paper, PasswordInput, Stack, Text, Title } from "@mantine/core";
import { useDocumentTitle } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { type FormEvent, useEffect, useState } from "react";
import { hasCode } from "../../api/errors.tsx";
import { server } from "../../api/server.ts";
import { accessQuery } from "./access-queries.ts";
import { pathAfterLogin } from "./next-path.logic.ts";

/** Where the administrator says who they are. */
export function LoginPage() {
  useDocumentTitle("Log in · BandSox");
  const { next } = useSearch({ from: "/login" });
  const { data: access } = useQuery(accessQuery);
  useEffect(() => {
    if (access?.authenticated) location.replace(pathAfterLogin(next));
  }, [access, next]);
  return (
    <Center component="main" mih="100vh" p="md">
      <Paper className="surface" p="xl" w="100%" maw={380}>
        <Stack>
          <Stack gap={4} align="center">
            <img src="/icon.svg" alt="" width={44} height={44} />
            <Title order={1} size="h3">
              BandSox
            </Title>
            <Text size="sm" c="dimmed">
              MicroVMs of this machine
            </Text>
          </Stack>
          <LoginForm onDone={() => location.replace(pathAfterLogin(next))} />
        </Stack>
      </Paper>
    </Center>
  );
}

function LoginForm({ onDone }: { onDone: () => void }) {
  const [password, setPassword] = useState("");
  const [error, setError] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const logIn = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      await server.call("POST /api/auth/login", { body: { password } });
      onDone();
    } catch (thrown) {
      setError(whyNot(thrown));
      setBusy(false);
    }
  };
  return (
    <form onSubmit={logIn}>
      <Stack>
        <PasswordInput
          label="Administrator's password"
          description="`bandsox serve` printed it at its first start"
          autoFocus
          required
          autoComplete="current-password"
          value={password}
          error={error}
          onChange={(event) => setPassword(event.currentTarget.value)}
        />
        <Button type="submit" loading={isBusy}>
          Log in
        </Button>
      </Stack>
    </form>
  );
}

function whyNot(error: unknown): string {
  if (hasCode(error, "unauthorized")) return "This is not the password.";
  if (hasCode(error, "too_many_attempts")) return "Too many attempts. Wait a while, then try again.";
  if (hasCode(error, "server_unreachable")) return "The server cannot be reached.";
  return error instanceof Error ? error.message : String(error);
}
