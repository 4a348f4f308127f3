/*
 * lease: how a fleet fetches one token through one record (docs/design.md 4.2, 4.3), as a model
 * that spin searches whole: load, decide, swap, look, ask, settle, swap, in every order of three
 * processes. Each step is one access, of the store or of the gateway; anything may come between.
 *
 * What goes wrong, each as often as its budget says and at any moment: a holder oversleeps (its
 * lease lapses), an answer is lost, the store forgets, the gateway revokes all tokens, a swap is
 * done and its answer lost. And processes end in an orderly way, at any moment before their request.
 *
 * No times: a lease ends by lapsing, and a process that waits goes on when there is something new.
 * No holds (they only delay). A fence grows like the store's clock, which no forgetting sets back.
 *
 *   -DOVERWRITE       a fetch ends the earlier token at once; else it lives on
 *   -DWITHOUT_LOOK    mistake: no look at the lease before the first byte
 *   -DWITHOUT_FENCE   mistake: an outcome is settled whoever holds the lease by then
 *   -DWITHOUT_NAME    mistake: a lease of ours is not known again when the answer of its swap is lost
 *   -DEXIT_RACE       mistake: a process ends though its lease was just swapped in
 */
#define PROCESSES 3

#ifndef LAPSES
#define LAPSES 2
#endif
#ifndef LOSSES
#define LOSSES 1
#endif
#ifndef FORGETS
#define FORGETS 0
#endif
#ifndef REVOKES
#define REVOKES 0
#endif

#ifndef LOST_SWAPS
#define LOST_SWAPS 0
#endif
#ifndef ENDS
#define ENDS 0
#endif

#define NOBODY 0

/* The record. */
byte token, fence, owner, lease_fence;
bool lapsed; /* its lease's end is past */
byte clock;  /* the highest fence so far */

/* Whether the record is still the one that this process loaded: what a swap compares. */
bool fresh[PROCESSES + 1];

inline changed()
{
    fresh[1] = false;
    fresh[2] = false;
    fresh[3] = false
}

/* The gateway. A token is its serial number. */
byte issued, dead; /* all up to `dead` are refused */

/* What was seen. */
byte sent;
byte overslept; /* leases that lapsed while their holder's request was out */
byte late;      /* requests that came to the gateway after their lease was taken */
byte lapses, losses, forgets, revokes, lost_swaps, ends;
byte counted; /* fetches, in the record */
byte done;
bool is_out[PROCESSES + 1]; /* by owner: its request is out, or its answer is not settled */

#define IS_OURS (owner == me && lease_fence == my_fence)
#define IS_ANOTHERS (fence > my_fence || lease_fence > my_fence)

/* One, and one more for each that nobody could help. On a gateway that overwrites, a request that
 * comes late ends the token that the fleet has by then: one refusal, and one fetch more. */
#ifdef OVERWRITE
#define ALLOWED (1 + overslept + late + losses + forgets + revokes)
#else
#define ALLOWED (1 + overslept + losses + forgets + revokes)
#endif

mtype = { TAKE, WAIT, ACQUIRE, SETTLE, NOT_OURS, DONE, CONFLICT };

proctype process(byte me)
{
    byte held, held_fence, my_fence, answer;
    mtype is;

decide: /* load; in the order of itr_record_decide */
    atomic {
        if
        :: token != 0 && fence > held_fence && token != held ->
            held = token;
            held_fence = fence;
            is = TAKE
        :: else ->
            fresh[me] = true;
            if
#ifdef WITHOUT_NAME
            :: owner != NOBODY && !lapsed -> is = WAIT
#else
            :: owner != NOBODY && owner != me && !lapsed -> is = WAIT
#endif
            :: else -> is = ACQUIRE
            fi
        fi
    };
    if
    :: ends < ENDS -> ends++; goto leave
    :: is == TAKE -> goto call
    :: is == WAIT -> (!fresh[me] || lapsed); fresh[me] = false; goto decide
    :: is == ACQUIRE
    fi;

    /* swap in our lease */
    d_step {
        if
        :: fresh[me] ->
            changed();
            clock++;
            my_fence = clock;
            if
            :: owner == me /* of a swap whose answer was lost, or it lapsed: its count goes back */
            :: else -> counted++
            fi;
            owner = me;
            lease_fence = my_fence;
            lapsed = false;
            is = DONE
        :: else -> is = CONFLICT
        fi
    };
    if
    :: is == CONFLICT -> goto decide
    :: is == DONE && lost_swaps < LOST_SWAPS -> lost_swaps++; goto decide
    :: is == DONE && ends < ENDS -> ends++; goto leave
    :: is == DONE
    fi;

    /* the look, and the first byte */
    d_step {
        if
#ifndef WITHOUT_LOOK
        :: !IS_OURS || lapsed ->
            my_fence = 0;
            is = NOT_OURS
#endif
        :: else ->
            sent++;
            is_out[me] = true;
            is = DONE;
            assert(sent <= ALLOWED)
        fi
    };
    if
    :: is == NOT_OURS -> goto decide
    :: else
    fi;

    /* at the gateway; the answer may be lost */
    d_step {
        issued++;
        answer = issued;
        if
        :: !IS_OURS -> late++
        :: else
        fi;
#ifdef OVERWRITE
        dead = issued - 1
#endif
    };
    if
    :: true
    :: losses < LOSSES -> d_step { losses++; answer = 0 }
    fi;

settle: /* load; as itr_record_settle */
    atomic {
        if
#ifndef WITHOUT_FENCE
        :: !IS_OURS && IS_ANOTHERS ->
            is_out[me] = false;
            my_fence = 0;
            answer = 0;
            is = NOT_OURS
#endif
        :: else -> /* ours, or the store forgot */
            fresh[me] = true;
            is = SETTLE
        fi
    };
    if
    :: is == NOT_OURS -> goto decide
    :: else
    fi;

    /* swap in what came of it */
    d_step {
        if
        :: owner == NOBODY && lease_fence == my_fence -> /* settled before: that answer was lost */
            assert(lost_swaps > 0);
            if
            :: answer != 0 -> held = answer; held_fence = my_fence; is = DONE
            :: else -> is = NOT_OURS
            fi;
            my_fence = 0;
            answer = 0
        :: else ->
        if
        :: fresh[me] ->
            changed();
            if
            :: answer != 0 ->
                /* An older one never overwrites a newer one. (Two that were out at once, of which
                 * the store forgot both, are ordered by their fences, not as the gateway had them.) */
                assert(my_fence > fence && (answer > token || forgets > 0));
                token = answer;
                fence = my_fence;
                held = answer;
                held_fence = my_fence;
                is = DONE
            :: else -> is = NOT_OURS
            fi;
            owner = NOBODY;
            lease_fence = my_fence;
            lapsed = false;
            is_out[me] = false;
            if
            :: lost_swaps < LOST_SWAPS -> lost_swaps++; is = CONFLICT
            :: true -> my_fence = 0; answer = 0
            fi
        :: else -> is = CONFLICT
        fi
        fi
    };
    if
    :: is == CONFLICT -> goto settle
    :: is == NOT_OURS -> goto decide
    :: else
    fi;

call:
    if
    :: held > dead -> done++
    :: else -> goto decide /* refused */
    fi;
    goto gone;

leave: /* the process ends: load; nothing of ours may stay */
#ifndef EXIT_RACE
    atomic {
        fresh[me] = true;
        if
        :: owner == me -> is = SETTLE
        :: else -> is = DONE
        fi
    };
    if
    :: is == DONE -> done++; goto gone
    :: else
    fi;
    d_step { /* swap: the lease and its count go back */
        if
        :: fresh[me] ->
            changed();
            owner = NOBODY;
            lapsed = false;
            counted--;
            is = DONE
        :: else -> is = CONFLICT
        fi
    };
    if
    :: is == CONFLICT -> goto leave
    :: else
    fi;
#endif
    done++;
gone:
    skip
}

/* Whatever may go wrong, at any moment at which it can. */
proctype fate()
{
end:
    do
    :: d_step {
        lapses < LAPSES && owner != NOBODY && !lapsed ->
            lapses++;
            lapsed = true;
            if
            :: is_out[owner] -> overslept++
            :: else
            fi
       }
    :: d_step {
        forgets < FORGETS && lease_fence != 0 ->
            forgets++;
            changed();
            token = 0;
            fence = 0;
            owner = NOBODY;
            lease_fence = 0;
            lapsed = false
       }
    :: d_step {
        revokes < REVOKES && issued > dead ->
            revokes++;
            dead = issued
       }
    od
}

init
{
    byte i;

    atomic {
        run fate();
        i = 1;
        do
        :: i <= PROCESSES -> run process(i); i++
        :: else -> break
        od
    };

    /* Everyone has a good token; no lease is left but one that lapsed. */
    (done == PROCESSES);
    assert(owner == NOBODY || lapsed);
    /* Counted is sent, and the leases that lapsed unsent. */
    assert(forgets > 0 || (counted >= sent && counted <= sent + lapses))
}

ltl converges { <> (done == PROCESSES) }
