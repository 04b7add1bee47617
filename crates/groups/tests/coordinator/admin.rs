use super::script::check;

#[test]
fn a_group_is_shown_as_it_stands() {
    check(
        "describe => Dead
         join a
         describe => PreparingRebalance consumer a=
         wait 3000 => a in 1 by range: a leads a
         describe => CompletingRebalance consumer a=
         sync a a=x => wrote generation 1 a; a does \"x\"
         describe => Stable consumer range a=x",
    );
}

#[test]
fn only_a_group_without_members_is_deleted_and_its_offsets_go_with_it() {
    check(
        "delete => GroupIdNotFound
         join a
         wait 3000 => a in 1 by range: a leads a
         sync a => wrote generation 1 a; a does \"\"
         commit t/0=1 t/1=2 by=a => wrote t/0=1; wrote t/1=2; ok; ok
         delete => NonEmptyGroup
         leave a => wrote generation 2; ok
         delete => forgot t/0; forgot t/1; forgot the group; ok
         offset t/0 => none
         describe => Dead
         delete => GroupIdNotFound
         restart
         describe => Dead",
    );
}
