/*
 * lease: how a fleet fetches one token through one record (docs/design.md 4.2, 4.3), as a model that
 * spin searches whole: load, decide, swap, look, ask, settle, swap, in every order of three processes.
 * Each step is one access, of the store or of the gateway; anything may come between two of them.
 *
 * What goes wrong, each as often as its budget says and at any moment: a holder oversleeps (its lease
 * lapses), an answer is lost, the store forgets, the gateway revokes all tokens.
 *
 * No times: a lease ends by lapsing, and a process that waits goes on when there is something new. No
 * holds (they only delay). A fence grows like the store's clock, which no forgetting sets back.
 *
 *   -DOVERWRITE       a fetch ends the earlier token at once; else it lives on
 *   -DWITHOUT_LOOK    mistake: no look at the lease before the first byte
 *   -DWITHOUT_FENCE   mistake: an outcome is settled whoever holds the lease by then
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

#define NOBODY 0

/* The record. version stands for its bytes: a swap compares it. */
byte version, token, fence, owner, lease_fence;
bool lapsed; /* its lease's end is past */
byte clock;  /* the highest fence so far */

/* The gateway. A token is its serial number. */
byte issued, dead; /* all up to `dead` are refused */

/* What was seen. */
byte sent;
byte overslept; /* leases that lapsed while their holder's request was out */
byte late;      /* requests that came to the gateway after their lease was taken */
byte lapses, losses, forgets, revokes;
byte done;
bool is_out[PROCESSES + 1]; /* by owner: its request is out, or its answer is not settled */

#define IS_OURS (owner == me && lease_fence == my_fence)

inline load()
{
    d_step {
        r_version = version;
        r_token = token;
        r_fence = fence;
        r_owner = owner;
        r_lease_fence = lease_fence;
        r_lapsed = lapsed
    }
}

/* TAKE, WAIT, ACQUIRE in the order of itr_token_record_decide. */
proctype process(byte me)
{
    byte r_version, r_token, r_fence, r_owner, r_lease_fence;
    byte held, held_fence, my_fence, answer;
    bool r_lapsed, is_there;

decide:
    load();
    if
    :: r_token != 0 && r_fence > held_fence && r_token != held ->
        d_step { held = r_token; held_fence = r_fence; r_token = 0 };
        goto call
    :: else
    fi;
    if
    :: r_owner != NOBODY && !r_lapsed ->
        (version != r_version || lapsed);
        goto decide
    :: else
    fi;

    /* acquire: swap in our lease */
    d_step {
        is_there = (version == r_version);
        if
        :: is_there ->
            version++;
            clock++;
            my_fence = clock;
            owner = me;
            lease_fence = my_fence;
            lapsed = false
        :: else
        fi
    };
    if
    :: !is_there -> goto decide
    :: else
    fi;

    /* the look, and the first byte */
#ifndef WITHOUT_LOOK
    d_step {
        is_there = (IS_OURS && !lapsed);
        if
        :: is_there -> sent++; is_out[me] = true
        :: else
        fi
    };
    if
    :: !is_there -> goto decide
    :: else
    fi;
#else
    d_step {
        sent++;
        is_out[me] = true
    };
#endif
    assert(sent <= 1 + overslept + late + losses + forgets + revokes);

    /* the gateway; the answer may be lost */
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

settle:
    load();
    if
    :: r_owner == me && r_lease_fence == my_fence
#ifdef WITHOUT_FENCE
    :: else
#else
    :: else ->
        if
        :: r_fence > my_fence || r_lease_fence > my_fence || (r_owner != NOBODY && !r_lapsed) ->
            is_out[me] = false;
            goto decide
        :: else /* the store forgot */
        fi
#endif
    fi;
    d_step {
        is_there = (version == r_version);
        if
        :: is_there ->
            version++;
            if
            :: answer != 0 ->
                assert(answer > token); /* an older one never overwrites a newer one */
                token = answer;
                fence = my_fence
            :: else
            fi;
            owner = NOBODY;
            lease_fence = my_fence;
            lapsed = false;
            is_out[me] = false
        :: else
        fi
    };
    if
    :: !is_there -> goto settle
    :: else
    fi;
    if
    :: answer == 0 -> goto decide
    :: else
    fi;
    d_step { held = answer; held_fence = my_fence; answer = 0 };

call:
    if
    :: held > dead -> done++
    :: else -> goto decide /* refused */
    fi
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
        forgets < FORGETS && version != 0 ->
            forgets++;
            version++;
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
    assert(owner == NOBODY || lapsed)
}

ltl converges { <> (done == PROCESSES) }
