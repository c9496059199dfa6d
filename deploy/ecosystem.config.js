// veracore-sync under pm2: `pm2 start /etc/veracore-sync/ecosystem.config.js`, then `pm2 save`.
// The settings come from the file that VERACORE_SYNC_ENV names, by default
// /etc/veracore-sync/veracore-sync.env (start from deploy/veracore-sync.env.example). They are read
// whenever pm2 reads this file: after a change, run `pm2 startOrRestart` with it.
const { readFileSync } = require("fs");

const file = process.env.VERACORE_SYNC_ENV || "/etc/veracore-sync/veracore-sync.env";

// KEY=VALUE lines; everything after the first = is the value.
function settings(text) {
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const pairs = lines
    .filter((line) => line && !line.startsWith("#"))
    .map((line) => {
      const at = line.indexOf("=");
      if (at < 1) throw new Error(`${file}: not a setting: a line has no "=" or no name`);
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
      // A native program, not a Node script.
      interpreter: "none",
      // Cluster mode is for Node scripts. For several replicas, run one on each machine; Postgres
      // coordinates them.
      exec_mode: "fork",
      instances: 1,
      // pm2 sends SIGINT; the daemon then finishes its work in progress, 30 s at most.
      kill_timeout: 35000,
      // Restarts never stop; the delay grows from 1 s to 15 s.
      autorestart: true,
      exp_backoff_restart_delay: 1000,
      min_uptime: 5000,
      watch: false,
      env: settings(readFileSync(file, "utf8")),
      // Each line has its own timestamp. `pm2 install pm2-logrotate` rotates the files.
      merge_logs: true,
      time: false,
    },
  ],
};
