using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [( name = "suites", worker = .suites )],
);

const suites :Workerd.Worker = (
  modules = [( name = "worker", esModule = embed "suites.workerd.mjs" )],
  compatibilityDate = "2026-10-01",
);
