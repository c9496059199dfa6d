// veracore-sync under pm2: `pm2 start /etc/veracore-sync/ecosystem.config.js`, then `pm2 save`.
// The settings are read from the file that VERACORE_SYNC_ENV names, by default
// /etc/veracore-sync/veracore-sync.env (deploy/veracore-sync.env.example is a start), each time
// that pm2 reads this file: after a change, `pm2 startOrRestart` it again.
const { readFileSync } = require("fs");

const file = process.env.VERACORE_SYNC_ENV || "/etc/veracore-sync/veracore-sync.env";

// KEY=VALUE lines; all that follows the first = is the value.
function settings(text) {
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const pairs = lines
    .filter((line) => line && !line.startsWith("#"))
    .map((line) => {
      const at = line.indexOf("=");
      if (at < 1) throw new Error(`${file}: not a setting: a line without "=" or without a name`);
      return [line.slice(0, at), line.slice(at + 1)];
    });
  return Object.fromEntries(pairs);
}

module.exports = {
  apps: [
    {
      name: "veracore-sync",
      script: process.env.VERACORE_SYNC_PROGRAM || "/usr/local/bin/veracore-sync",
      args: "run",
      // A program of its own, not a script for Node.
      interpreter: "none",
      // Cluster mode is Node's. For several replicas, give each machine one; Postgres keeps them apart.
      exec_mode: "fork",
      instances: 1,
      // pm2 asks with SIGINT; work in flight is finished, which takes 30 s at most.
      kill_timeout: 35000,
      // Restarted for ever, from a second up to 15 apart.
      autorestart: true,
      exp_backoff_restart_delay: 1000,
      min_uptime: 5000,
      watch: false,
      env: settings(readFileSync(file, "utf8")),
      // The lines carry their time themselves. `pm2 install pm2-logrotate` keeps the files small.
      merge_logs: true,
      time: false,
    },
  ],
};
