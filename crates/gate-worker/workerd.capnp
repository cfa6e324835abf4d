# The gate on plain workerd, outside of Cloudflare. `cargo xtask build` makes what is embedded here;
# then, with the settings in the environment:
#
#   ISSUER_URL=https://keys.example.com ORIGIN_URL=http://127.0.0.1:3000 ROOT=… ENVIRONMENT=live \
#     npx workerd serve crates/gate-worker/workerd.capnp
#
# It listens on 127.0.0.1:8787; another address: --socket-addr http=0.0.0.0:8080
# A setting that is not in the environment counts as unset.

using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "gate", worker = .gate),
    # workerd's own "internet" reaches public addresses alone; issuer and origin are often at home.
    (name = "network", network = (
      allow = ["public", "private"],
      tlsOptions = (trustBrowserCas = true),
    )),
  ],
  sockets = [(name = "http", address = "127.0.0.1:8787", http = (), service = "gate")],
);

const gate :Workerd.Worker = (
  modules = [
    (name = "entry.js", esModule = embed "entry.js"),
    (name = "bundle.bin", data = embed "bundle.bin"),
    (name = "build/index.js", esModule = embed "build/index.js"),
    (name = "build/index_bg.wasm", wasm = embed "build/index_bg.wasm"),
  ],
  # The date in the top-level wrangler.toml: both run the same gate.
  compatibilityDate = "2026-04-01",
  globalOutbound = "network",
  bindings = [
    (name = "ISSUER_URL", fromEnvironment = "ISSUER_URL"),
    (name = "ORIGIN_URL", fromEnvironment = "ORIGIN_URL"),
    (name = "ROOT", fromEnvironment = "ROOT"),
    (name = "ENVIRONMENT", fromEnvironment = "ENVIRONMENT"),
    (name = "KIND", fromEnvironment = "KIND"),
    (name = "FRESH_FOR", fromEnvironment = "FRESH_FOR"),
    (name = "DEADLINE_MS", fromEnvironment = "DEADLINE_MS"),
    (name = "COLD_DEADLINE_MS", fromEnvironment = "COLD_DEADLINE_MS"),
    (name = "HMAC_KEYS", fromEnvironment = "HMAC_KEYS"),
    (name = "MIRROR_URLS", fromEnvironment = "MIRROR_URLS"),
    (name = "LIST_R2_PREFIX", fromEnvironment = "LIST_R2_PREFIX"),
    (name = "GATE_KEY", fromEnvironment = "GATE_KEY"),
    (name = "ROUTES", fromEnvironment = "ROUTES"),
    (name = "RATE_CLASSES", fromEnvironment = "RATE_CLASSES"),
    (name = "REQUIRE_POLICY", fromEnvironment = "REQUIRE_POLICY"),
    (name = "REPORT_USAGE", fromEnvironment = "REPORT_USAGE"),
    (name = "IDENTITY", fromEnvironment = "IDENTITY"),
    (name = "DEBUG", fromEnvironment = "DEBUG"),
    (name = "CLIENT_ADDRESS", fromEnvironment = "CLIENT_ADDRESS"),
    (name = "TRUSTED_PROXIES", fromEnvironment = "TRUSTED_PROXIES"),
    (name = "ORIGIN_PATHS", fromEnvironment = "ORIGIN_PATHS"),
    (name = "UNKNOWN_RATE_CLASS", fromEnvironment = "UNKNOWN_RATE_CLASS"),
  ],
);
