//! A disk in memory that fails, fills up, or loses what was not synced, as a test says.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{DirEntry, Disk, DiskFile, Lock};

/// What a name in a directory takes of a limited disk, in bytes.
const NAME_BYTES: u64 = 64;

/// A disk in memory. Calls that change something are counted, from 1 on; a test chooses one that
/// [fails](Self::fail_at). Clones share one disk.
///
/// It keeps apart what is on it and what is durable: a file's content becomes durable when the file
/// is synced, and a name when its directory is. [`crash`](Self::crash) loses the rest.
#[derive(Clone)]
pub struct SimulatedDisk(Arc<Mutex<State>>);

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The power fails: this call and all later ones. A write has written half.
    Power,
    /// The call fails with an input/output error and does nothing, once.
    Error,
    /// The call fails for lack of room and does nothing, once. (A removal needs none.)
    Full,
}

#[derive(Clone, Default)]
struct State {
    /// The first is the root directory.
    nodes: Vec<Node>,
    locked: BTreeSet<PathBuf>,
    calls: u64,
    cached_calls: u64,
    fault: Option<(u64, Fault)>,
    /// How many bytes fit on the disk.
    room: Option<u64>,
}

#[derive(Clone)]
enum Node {
    File { now: Vec<u8>, durable: Vec<u8> },
    Dir { now: Names, durable: Names },
}

type Names = BTreeMap<OsString, usize>;

impl SimulatedDisk {
    /// An empty disk without a limit.
    pub fn new() -> Self {
        let root = Node::Dir {
            now: Names::new(),
            durable: Names::new(),
        };
        Self::of(State {
            nodes: vec![root],
            ..State::default()
        })
    }

    /// Lets a call fail; `call` counts from now on, 1 being the next that changes something.
    pub fn fail_at(&self, call: u64, fault: Fault) {
        let mut state = self.state();
        state.fault = Some((state.calls + call, fault));
    }

    /// How many calls there were that change something.
    pub fn calls(&self) -> u64 {
        self.state().calls
    }

    /// Whether the power has failed.
    pub fn is_off(&self) -> bool {
        let state = self.state();
        matches!(state.fault, Some((call, Fault::Power)) if state.calls >= call)
    }

    /// Limits the disk to what is on it and `bytes` more. A name takes 64.
    pub fn limit(&self, bytes: u64) {
        let mut state = self.state();
        state.room = Some(state.used() + bytes);
    }

    /// Returns another disk with the same on it, without a fault to come.
    #[must_use]
    pub fn copy(&self) -> Self {
        let mut state = self.state().clone();
        state.fault = None;
        state.locked.clear();
        Self::of(state)
    }

    /// Returns the disk as it may be after a power failure at this moment: with everything durable,
    /// and of the rest what `seed` chooses, each name and each file by itself.
    #[must_use]
    pub fn crash(&self, seed: u64) -> Self {
        let mut random = Random(seed);
        let mut state = self.state().clone();
        for node in &mut state.nodes {
            match node {
                Node::File { now, durable } => {
                    if now != durable {
                        let kept = random.below(now.len() as u64 + 1);
                        match random.below(3) {
                            0 => now.clone_from(durable),
                            1 => now.truncate(usize::try_from(kept).unwrap_or(0)),
                            _ => {}
                        }
                        durable.clone_from(now);
                    }
                }
                Node::Dir { now, durable } => {
                    let names: BTreeSet<_> = now.keys().chain(durable.keys()).cloned().collect();
                    for name in names {
                        if now.get(&name) != durable.get(&name) && random.below(2) == 0 {
                            match durable.get(&name) {
                                Some(node) => now.insert(name, *node),
                                None => now.remove(&name),
                            };
                        }
                    }
                    durable.clone_from(now);
                }
            }
        }
        state.one_name_each(&mut random);
        state.fault = None;
        state.locked.clear();
        Self::of(state)
    }

    fn of(state: State) -> Self {
        Self(Arc::new(Mutex::new(state)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn file(&self, node: usize) -> Arc<dyn DiskFile> {
        Arc::new(SimulatedFile {
            disk: self.clone(),
            node,
        })
    }
}

impl Default for SimulatedDisk {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for SimulatedDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatedDisk")
            .field("calls", &self.calls())
            .finish_non_exhaustive()
    }
}

impl Disk for SimulatedDisk {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let state = self.state();
        state.powered()?;
        let node = state.find(path)?;
        drop(state);
        Ok(self.file(node))
    }

    fn open_cached(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.state().cached_call()?;
        self.open(path)
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.state();
        state.change(Change::Growing)?;
        let (dir, name) = state.parent(path)?;
        if state.names(dir)?.contains_key(&name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        state.take_room(NAME_BYTES)?;
        let node = state.add(Node::File {
            now: Vec::new(),
            durable: Vec::new(),
        });
        state.names_mut(dir)?.insert(name, node);
        drop(state);
        Ok(self.file(node))
    }

    fn entries(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        let state = self.state();
        state.powered()?;
        let names = state.names(state.find(dir)?)?;
        Ok(names
            .iter()
            .map(|(name, node)| DirEntry {
                name: name.clone(),
                is_dir: matches!(state.nodes[*node], Node::Dir { .. }),
            })
            .collect())
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        let state = self.state();
        state.powered()?;
        match state.find(path) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.powered()?;
        let mut dir = 0;
        for name in components(path) {
            if let Some(node) = state.names(dir)?.get(name) {
                dir = *node;
                continue;
            }
            state.change(Change::Growing)?;
            state.take_room(NAME_BYTES)?;
            let node = state.add(Node::Dir {
                now: Names::new(),
                durable: Names::new(),
            });
            state.names_mut(dir)?.insert(name.to_owned(), node);
            dir = node;
        }
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.change(Change::Growing)?;
        let node = state.find(from)?;
        let (from_dir, from_name) = state.parent(from)?;
        let (to_dir, to_name) = state.parent(to)?;
        if let Some(there) = state.names(to_dir)?.get(&to_name)
            && let Node::Dir { now, .. } = &state.nodes[*there]
            && !now.is_empty()
        {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        state.names_mut(from_dir)?.remove(&from_name);
        state.names_mut(to_dir)?.insert(to_name, node);
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.change(Change::Removal)?;
        let node = state.find(path)?;
        state.content(node)?;
        let (dir, name) = state.parent(path)?;
        state.names_mut(dir)?.remove(&name);
        Ok(())
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.change(Change::Removal)?;
        state.names(state.find(path)?)?;
        let (dir, name) = state.parent(path)?;
        state.names_mut(dir)?.remove(&name);
        Ok(())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.change(Change::Growing)?;
        let node = state.find(path)?;
        match &mut state.nodes[node] {
            Node::Dir { now, durable } => durable.clone_from(now),
            Node::File { .. } => return Err(io::ErrorKind::NotADirectory.into()),
        }
        Ok(())
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Lock>> {
        struct Locked(SimulatedDisk, PathBuf);
        impl Drop for Locked {
            fn drop(&mut self) {
                self.0.state().locked.remove(&self.1);
            }
        }
        if !self.exists(path)? {
            self.create(path)?;
        }
        let is_new = self.state().locked.insert(path.to_owned());
        let lock = || Box::new(Locked(self.clone(), path.to_owned())) as Lock;
        Ok(is_new.then(lock))
    }
}

struct SimulatedFile {
    disk: SimulatedDisk,
    node: usize,
}

impl fmt::Debug for SimulatedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimulatedFile({})", self.node)
    }
}

impl DiskFile for SimulatedFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.disk.state().content(self.node)?.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.disk.state();
        state.powered()?;
        let offset = usize::try_from(offset).map_err(io::Error::other)?;
        let rest = state.content(self.node)?.get(offset..).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }

    /// Every second time a part of it, so that callers learn to ask again.
    fn read_cached_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let call = self.disk.state().cached_call()?;
        let length = if call.is_multiple_of(2) {
            buffer.len()
        } else {
            buffer.len().div_ceil(2)
        };
        self.read_at(&mut buffer[..length], offset)
    }

    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.disk.state();
        let changed = state.change(Change::Growing);
        if changed.is_err() && !state.is_first_without_power() {
            return changed;
        }
        let fits = state
            .room
            .map_or(u64::MAX, |room| room.saturating_sub(state.used()));
        let fits = usize::try_from(fits).unwrap_or(usize::MAX).min(bytes.len());
        let written = if changed.is_ok() { fits } else { fits / 2 };
        match &mut state.nodes[self.node] {
            Node::File { now, .. } => now.extend_from_slice(&bytes[..written]),
            Node::Dir { .. } => return Err(io::ErrorKind::IsADirectory.into()),
        }
        changed?;
        if written < bytes.len() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    fn reserve(&self, bytes: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        state.change(Change::Growing)?;
        state.take_room(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        state.change(Change::Growing)?;
        match &mut state.nodes[self.node] {
            Node::File { now, durable } => durable.clone_from(now),
            Node::Dir { .. } => return Err(io::ErrorKind::IsADirectory.into()),
        }
        Ok(())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    /// May need room on the disk.
    Growing,
    Removal,
}

impl State {
    /// Counts a call that changes something, and fails it if it is the chosen one.
    fn change(&mut self, change: Change) -> io::Result<()> {
        self.calls += 1;
        match self.fault {
            Some((call, Fault::Error)) if call == self.calls => {
                Err(io::Error::other("a test failed this call"))
            }
            Some((call, Fault::Full)) if call == self.calls && change == Change::Growing => {
                Err(io::ErrorKind::StorageFull.into())
            }
            _ => self.powered(),
        }
    }

    fn powered(&self) -> io::Result<()> {
        match self.fault {
            Some((call, Fault::Power)) if self.calls >= call => {
                Err(io::Error::other("the power has failed"))
            }
            _ => Ok(()),
        }
    }

    fn is_first_without_power(&self) -> bool {
        self.fault == Some((self.calls, Fault::Power))
    }

    /// Every third call would have to wait.
    fn cached_call(&mut self) -> io::Result<u64> {
        self.cached_calls += 1;
        if self.cached_calls.is_multiple_of(3) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(self.cached_calls)
    }

    fn find(&self, path: &Path) -> io::Result<usize> {
        components(path).try_fold(0, |dir, name| {
            let node = self.names(dir)?.get(name);
            node.copied().ok_or_else(|| io::ErrorKind::NotFound.into())
        })
    }

    fn parent(&self, path: &Path) -> io::Result<(usize, OsString)> {
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let dir = self.find(path.parent().unwrap_or(Path::new("")))?;
        Ok((dir, name.to_owned()))
    }

    fn names(&self, node: usize) -> io::Result<&Names> {
        match &self.nodes[node] {
            Node::Dir { now, .. } => Ok(now),
            Node::File { .. } => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    fn names_mut(&mut self, node: usize) -> io::Result<&mut Names> {
        match &mut self.nodes[node] {
            Node::Dir { now, .. } => Ok(now),
            Node::File { .. } => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    fn content(&self, node: usize) -> io::Result<&[u8]> {
        match &self.nodes[node] {
            Node::File { now, .. } => Ok(now),
            Node::Dir { .. } => Err(io::ErrorKind::IsADirectory.into()),
        }
    }

    fn add(&mut self, node: Node) -> usize {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    fn take_room(&self, bytes: u64) -> io::Result<()> {
        match self.room {
            Some(room) if self.used() + bytes > room => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }

    /// What is on the disk, in bytes.
    fn used(&self) -> u64 {
        let mut used = 0;
        let mut to_do = vec![0];
        while let Some(node) = to_do.pop() {
            match &self.nodes[node] {
                Node::File { now, .. } => used += now.len() as u64,
                Node::Dir { now, .. } => {
                    used += NAME_BYTES * now.len() as u64;
                    to_do.extend(now.values());
                }
            }
        }
        used
    }

    /// Removes all names but one of each node: a rename is never seen half, its two names are never
    /// there both.
    fn one_name_each(&mut self, random: &mut Random) {
        let mut seen: BTreeMap<usize, Vec<(usize, OsString)>> = BTreeMap::new();
        let mut to_do = vec![0];
        while let Some(dir) = to_do.pop() {
            let Node::Dir { now, .. } = &self.nodes[dir] else {
                continue;
            };
            for (name, node) in now {
                let names = seen.entry(*node).or_default();
                if names.is_empty() {
                    to_do.push(*node);
                }
                names.push((dir, name.clone()));
            }
        }
        for mut names in seen.into_values() {
            while names.len() > 1 {
                let at = random.below(names.len() as u64);
                let (dir, name) = names.swap_remove(usize::try_from(at).unwrap_or(0));
                if let Node::Dir { now, durable } = &mut self.nodes[dir] {
                    now.remove(&name);
                    durable.remove(&name);
                }
            }
        }
    }
}

fn components(path: &Path) -> impl Iterator<Item = &OsStr> {
    path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name),
        _ => None,
    })
}

/// SplitMix64: the same numbers for the same seed, everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}
