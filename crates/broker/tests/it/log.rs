//! What the broker logs while a test looks.

use std::io::Write;
use std::sync::{Arc, Mutex, Once};

use tracing::Level;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;

#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Listens on this thread until the guard goes.
    pub(crate) fn listen() -> (Self, DefaultGuard) {
        // With nobody listening elsewhere, a line that another thread comes to first may be taken for one that
        // nobody ever wants.
        static ALWAYS: Once = Once::new();
        ALWAYS.call_once(|| {
            let nowhere = tracing_subscriber::fmt().with_writer(std::io::sink);
            let everything = nowhere.with_max_level(Level::TRACE).finish();
            tracing::subscriber::set_global_default(everything).expect("nobody else sets one");
        });
        let log = Self::default();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(Level::INFO)
            .with_ansi(false)
            .with_writer(log.clone())
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    /// The lines of that level which hold `part`, in order.
    pub(crate) fn lines(&self, level: &str, part: &str) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines()
            .filter(|line| line.contains(&format!(" {level} ")) && line.contains(part))
            .map(str::to_owned)
            .collect()
    }
}

impl Write for Log {
    fn write(&mut self, part: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(part);
        Ok(part.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
