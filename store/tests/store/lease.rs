//! The lease of several nodes: one has it, by the database's clock, and what an earlier holder still sends is refused.

use std::time::Duration;

use mandate_store::{Lease, OnError, Outcome, Position, Standing, Store, StoreError};

use crate::common::{Place as _, World, clock, create, meeting, meeting_of, reopen, stored};

const LONG: Duration = Duration::from_mins(1);

/// Lets the lease of a database run out at once.
fn expire(world: &World) {
    world.tamper_with("UPDATE lease SET expires_at = clock_timestamp()");
}

fn held(lease: &Lease) -> u64 {
    match lease.take().unwrap() {
        Standing::Held(term) => term,
        Standing::StandingBy(holder) => panic!("{holder:?} has it"),
    }
}

fn append_to(store: &Store, event: mandate_store::NewEvent) -> Result<Outcome, StoreError> {
    store.append_blocking(vec![event], OnError::All).map(|mut outcomes| outcomes.remove(0))
}

both!(who_takes_the_lease_of_a_log_appends_as_its_holder);

fn who_takes_the_lease_of_a_log_appends_as_its_holder(world: &World) {
    let store = create(world);
    let lease = store.lease("app-1", LONG).unwrap();
    held(&lease);
    assert_eq!(stored(&append_to(&store.fenced(&lease), meeting("a")).unwrap()), 1);
    assert!(lease.keep_up().unwrap());
    lease.release().unwrap();
}

#[test]
fn on_sqlite_the_one_process_has_it_and_a_second_is_told_so() {
    let world = World::sqlite();
    let store = create(&world);
    let lease = store.lease("app-1", LONG).unwrap();
    assert!(!lease.is_shared());
    assert_eq!((lease.take().unwrap(), store.reader().lease().unwrap()), (Standing::Held(0), None));
    let again = Store::open(world.options(clock())).unwrap_err();
    assert!(matches!(again, StoreError::InUse { .. }), "{again}");
}

#[test]
fn one_node_has_the_lease_until_it_lets_go_or_its_time_is_over() {
    let world = World::postgres();
    let one = create(&world);
    let two = reopen(&world.node());
    let (first, second) = (one.lease("app", LONG).unwrap(), two.lease("app", LONG).unwrap());
    assert_ne!(first.name(), second.name());
    assert_eq!(one.reader().lease().unwrap(), None);
    assert_eq!((held(&first), held(&first)), (1, 1));
    let Standing::StandingBy(holder) = second.take().unwrap() else { panic!("two have it") };
    assert_eq!((&*holder.name, holder.term), (first.name(), 1));
    assert!(holder.left > Duration::from_secs(50) && holder.left <= LONG, "{holder:?}");
    assert_eq!(two.reader().lease().unwrap().unwrap().since, holder.since);
    first.release().unwrap();
    assert_eq!(held(&second), 2);
    assert!(!first.keep_up().unwrap());
    expire(&world);
    assert_eq!(held(&first), 3);
    assert!(!second.keep_up().unwrap());
}

#[test]
fn a_holder_that_comes_late_and_finds_nobody_else_goes_on_in_its_term() {
    let world = World::postgres();
    let store = create(&world);
    let lease = store.lease("app", LONG).unwrap();
    held(&lease);
    expire(&world);
    assert!(lease.keep_up().unwrap());
    assert_eq!(held(&lease), 1);
}

/// Node one took the lease, was paused, and node two has it now: what node one still had in hand comes in.
fn stale_write(one: &Store, world: &World) -> (Store, Result<Outcome, StoreError>) {
    let two = reopen(&world.node());
    let (first, second) = (one.lease("app", LONG).unwrap(), two.lease("app", LONG).unwrap());
    held(&first);
    let store = one.fenced(&first);
    assert_eq!(stored(&append_to(&store, meeting("a")).unwrap()), 1);
    expire(world);
    held(&second);
    let late = append_to(&store, meeting("b"));
    (store, late)
}

#[test]
fn what_a_paused_node_still_had_in_hand_is_refused_once_another_has_the_lease() {
    let world = World::postgres();
    let (store, late) = stale_write(&create(&world), &world);
    assert!(matches!(late, Err(StoreError::Fenced { term: 1, latest: 2 })), "{late:?}");
    assert_eq!(store.reader().head().unwrap().position, Position::new(1));
}

#[test]
fn it_is_refused_as_well_when_others_append_and_theirs_is_stored() {
    let world = World::postgres();
    let (store, _) = stale_write(&create(&world), &world);
    let plain = reopen(&world.node());
    std::thread::scope(|scope| {
        let fenced = scope.spawn(|| {
            (0..50).filter(|n| append_to(&store, meeting_of("nominal/N-1", &format!("s{n}"))).is_ok()).count()
        });
        for n in 0..50 {
            append_to(&plain, meeting_of("nominal/N-2", &format!("p{n}"))).unwrap();
        }
        assert_eq!(fenced.join().unwrap(), 0);
    });
    // Those that share its queue are not held up by it.
    let unfenced = reopen(&world.node());
    append_to(&unfenced, meeting("last")).unwrap();
    assert_eq!(unfenced.reader().head().unwrap().position, Position::new(52));
}

#[test]
fn control_without_the_term_in_the_head_row_the_stale_write_is_stored() {
    let world = World::postgres();
    let one = create(&world);
    world.tamper_with(
        "CREATE FUNCTION forget_term() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.term := 0; RETURN NEW; END $$; \
         CREATE TRIGGER forget_term BEFORE UPDATE ON head FOR EACH ROW EXECUTE FUNCTION forget_term()",
    );
    let (_, late) = stale_write(&one, &world);
    assert!(late.is_ok(), "{late:?}");
}

#[test]
fn the_events_of_a_holder_say_in_which_term_they_were_decided() {
    let world = World::postgres();
    let store = create(&world);
    let lease = store.lease("app", LONG).unwrap();
    held(&lease);
    append_to(&store.fenced(&lease), meeting("a")).unwrap();
    append_to(&store, meeting("b")).unwrap();
    let events = store.reader().read_after(Position::START, 10).unwrap().events;
    let actors: Vec<_> = events.iter().map(|event| event.actor.as_deref()).collect();
    assert_eq!(actors, [Some(format!("scheduler/{}/1", lease.name()).as_str()), None]);
}
