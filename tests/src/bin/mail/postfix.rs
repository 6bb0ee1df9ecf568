//! Debian's Postfix on a port of this machine, with a configuration and a queue of its own; every mail is delivered to a
//! folder of its recipient.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

/// How long it may take to start, or to deliver what it has.
const PATIENCE: Duration = Duration::from_mins(2);
const LOOK: Duration = Duration::from_millis(20);
/// The user who owns the mailboxes: nobody.
const OWNER: u32 = 65_534;

/// A running server, stopped when this is dropped.
pub struct Postfix {
    pub port: u16,
    folder: tempfile::TempDir,
}

impl Postfix {
    pub fn start() -> anyhow::Result<Self> {
        ensure!(
            Path::new("/usr/sbin/postfix").exists(),
            "Postfix is missing; as root: apt-get install postfix, or run tests/setup.sh"
        );
        let folder = tempfile::tempdir()?;
        // Postfix's own processes and those that deliver run as other users.
        fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let (config, queue) = (folder.path().join("config"), folder.path().join("queue"));
        let (data, mail) = (folder.path().join("state"), folder.path().join("mail"));
        for made in [&config, &queue, &data, &mail] {
            fs::create_dir(made)?;
        }
        std::os::unix::fs::chown(&mail, Some(OWNER), Some(OWNER))?;
        let owner = Command::new("chown").arg("postfix").arg(&data).status()?;
        ensure!(owner.success(), "there is no user postfix");
        let map = config.join("mailboxes");
        // One mailbox for all: what is delivered names its recipient.
        fs::write(&map, "/./ all/\n")?;
        fs::write(config.join("main.cf"), main_cf(&queue, &data, &mail, &map))?;
        fs::write(config.join("master.cf"), master_cf(port))?;
        let postfix = Self { port, folder };
        postfix.run("start")?;
        let end = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            ensure!(Instant::now() < end, "Postfix does not answer; see {}", postfix.log().display());
            std::thread::park_timeout(LOOK);
        }
        Ok(postfix)
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("postfix.log")
    }

    fn run(&self, verb: &str) -> anyhow::Result<()> {
        let mut command = Command::new("/usr/sbin/postfix");
        let said = command.arg("-c").arg(self.folder.path().join("config")).arg(verb).output()?;
        let words = String::from_utf8_lossy(&said.stderr);
        ensure!(said.status.success(), "postfix {verb}: {words}");
        Ok(())
    }

    /// Every message delivered, once nothing waits in the queue any more.
    pub fn delivered(&self) -> anyhow::Result<Vec<Vec<u8>>> {
        let end = Instant::now() + PATIENCE;
        let queue = self.folder.path().join("queue");
        while ["maildrop", "incoming", "active", "deferred"].iter().any(|part| holds_files(&queue.join(part)))
        {
            ensure!(Instant::now() < end, "Postfix has not delivered all; see {}", self.log().display());
            std::thread::park_timeout(LOOK);
        }
        let mut found = Vec::new();
        for recipient in fs::read_dir(self.folder.path().join("mail"))? {
            for message in fs::read_dir(recipient?.path().join("new"))? {
                // In a mailbox lines end as on this system.
                let text =
                    String::from_utf8(fs::read(message?.path())?).context("a mail that is not ASCII")?;
                found.push(text.replace('\n', "\r\n").into_bytes());
            }
        }
        Ok(found)
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        if let Err(error) = self.run("stop") {
            eprintln!("{error:#}");
        }
    }
}

fn holds_files(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| entry.path().is_file() || holds_files(&entry.path()))
}

fn main_cf(queue: &Path, data: &Path, mail: &Path, map: &Path) -> String {
    format!(
        "compatibility_level = 3.6\nqueue_directory = {queue}\ndata_directory = {data}\nmail_owner = postfix\n\
         setgid_group = postdrop\ncommand_directory = /usr/sbin\ndaemon_directory = /usr/lib/postfix/sbin\n\
         maillog_file = {log}\nmaillog_file_prefixes = {prefix}\ninet_interfaces = loopback-only\n\
         inet_protocols = ipv4\nmyhostname = relay.example.gov.uk\nmydestination =\nmynetworks = 127.0.0.0/8\n\
         smtpd_relay_restrictions = permit_mynetworks, reject\nsmtpd_client_connection_rate_limit = 0\n\
         smtpd_client_message_rate_limit = 0\nlocal_recipient_maps =\nalias_maps =\nalias_database =\n\
         virtual_mailbox_domains = example.gov.uk\nvirtual_mailbox_base = {mail}\n\
         virtual_mailbox_maps = regexp:{map}\nvirtual_uid_maps = static:{OWNER}\n\
         virtual_gid_maps = static:{OWNER}\nvirtual_minimum_uid = 1000\nsmtputf8_enable = no\nbiff = no\n",
        map = map.display(),
        queue = queue.display(),
        data = data.display(),
        mail = mail.display(),
        log = mail.with_file_name("postfix.log").display(),
        prefix = mail.with_file_name("").display(),
    )
}

/// The processes of Postfix that take mail in and deliver it, none in a cage: the queue is ours.
fn master_cf(port: u16) -> String {
    format!(
        "127.0.0.1:{port} inet n - n - - smtpd\ncleanup unix n - n - 0 cleanup\nqmgr unix n - n 300 1 qmgr\n\
         rewrite unix - - n - - trivial-rewrite\nbounce unix - - n - 0 bounce\ndefer unix - - n - 0 bounce\n\
         trace unix - - n - 0 bounce\nverify unix - - n - 1 verify\nflush unix n - n 1000? 0 flush\n\
         proxymap unix - - n - - proxymap\nshowq unix n - n - - showq\nerror unix - - n - - error\n\
         retry unix - - n - - error\ndiscard unix - - n - - discard\nvirtual unix - n n - - virtual\n\
         anvil unix - - n - 1 anvil\nscache unix - - n - 1 scache\npostlog unix-dgram n - n - 1 postlogd\n\
         pickup unix n - n 60 1 pickup\n"
    )
}
