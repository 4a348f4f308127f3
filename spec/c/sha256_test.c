/* sha256: the vectors of FIPS 180-4's examples and of NIST's CAVP, and every way to cut a message.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/sha256.h"

static const struct {
    const char *text, *digest;
} vectors[] = {
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnop"
     "qrsmnopqrstnopqrstu",
     "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
};

static void hashes_the_vectors(void **state)
{
    char hex[65];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        itr_sha256_hex(vectors[i].text, strlen(vectors[i].text), hex, 64);
        assert_string_equal(hex, vectors[i].digest);
    }
}

static void hashes_a_million_bytes(void **state)
{
    static const unsigned char want[ITR_SHA256_LEN] = {
        0xcd, 0xc7, 0x6e, 0x5c, 0x99, 0x14, 0xfb, 0x92, 0x81, 0xa1, 0xc7,
        0xe2, 0x84, 0xd7, 0x3e, 0x67, 0xf1, 0x80, 0x9a, 0x48, 0xa4, 0x97,
        0x20, 0x0e, 0x04, 0x6d, 0x39, 0xcc, 0xc7, 0x11, 0x2c, 0xd0};
    unsigned char digest[ITR_SHA256_LEN];
    struct itr_sha256 h;
    char thousand[1000];
    int i;

    (void)state;
    memset(thousand, 'a', sizeof thousand);
    itr_sha256_init(&h);
    for (i = 0; i < 1000; i++)
        itr_sha256_update(&h, thousand, sizeof thousand);
    itr_sha256_final(&h, digest);
    assert_memory_equal(digest, want, sizeof want);
}

/* Digests of 'x' repeated, made with coreutils: the padding turns at 55, 56, 63, 64 bytes. */
static void pads_every_length_right(void **state)
{
    static const struct {
        size_t n;
        const char *digest;
    } lengths[] = {
        {1, "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"},
        {54, "45f316e10b2c99abf374b22bda893cf3300d77263f1e272349ed414680522952"},
        {55, "d5e285683cd4efc02d021a5c62014694958901005d6f71e89e0989fac77e4072"},
        {56, "04c26261370ee7541549d16dee320c723e3fd14671e66a099afe0a377c16888e"},
        {57, "ae14a2563ccf969d99aca69ce6bb74981f734bbf9f655f73b8f06db68cab5217"},
        {63, "75220b47218278e656f2013bb8f0c455a25eaf01e86c64924e9d48d89776d6f2"},
        {64, "7ce100971f64e7001e8fe5a51973ecdfe1ced42befe7ee8d5fd6219506b5393c"},
        {65, "9537c5fdf120482f7d58d25e9ed583f52c02b4e304ea814db1633ad565aed7e9"},
        {119, "000b48d4edf0fa7bee3c6236ecd2785baa5db4eeb8bb54341b029e0d9fa5fb0c"},
        {120, "13f05a0b594787f5ecd315edc96141bd3243203d1b7d4f0836f37308b276ba98"},
        {128, "24da1b81d0b16df6428eee73c69fcb2a93c76bc6df706f0c6670fe6bfe800464"},
    };
    char text[200], hex[65];
    size_t i;

    (void)state;
    memset(text, 'x', sizeof text);
    for (i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        itr_sha256_hex(text, lengths[i].n, hex, 64);
        assert_string_equal(hex, lengths[i].digest);
    }
}

static void does_not_mind_how_a_message_is_cut(void **state)
{
    unsigned char want[ITR_SHA256_LEN], digest[ITR_SHA256_LEN];
    unsigned char text[200];
    struct itr_sha256 h;
    size_t one, two;

    (void)state;
    for (one = 0; one < sizeof text; one++)
        text[one] = (unsigned char)(one * 7);
    itr_sha256_init(&h);
    itr_sha256_update(&h, text, sizeof text);
    itr_sha256_final(&h, want);
    for (one = 0; one <= sizeof text; one++)
        for (two = one; two <= sizeof text; two += 13) {
            itr_sha256_init(&h);
            itr_sha256_update(&h, text, one);
            itr_sha256_update(&h, text + one, two - one);
            itr_sha256_update(&h, text + two, sizeof text - two);
            itr_sha256_final(&h, digest);
            assert_memory_equal(digest, want, sizeof want);
        }
}

static void writes_as_many_digits_as_asked(void **state)
{
    char out[12];

    (void)state;
    memset(out, '#', sizeof out);
    itr_sha256_hex("abc", 3, out, 8);
    assert_string_equal(out, "ba7816bf");
    assert_int_equal(out[9], '#');
    itr_sha256_hex("abc", 3, out, 0);
    assert_string_equal(out, "");
    itr_sha256_hex(NULL, 0, out, 2);
    assert_string_equal(out, "e3");
}

static void final_leaves_nothing_behind(void **state)
{
    static const struct itr_sha256 zeros;
    unsigned char digest[ITR_SHA256_LEN];
    struct itr_sha256 h;

    (void)state;
    itr_sha256_init(&h);
    itr_sha256_update(&h, "secret", 6);
    itr_sha256_final(&h, digest);
    assert_memory_equal(&h, &zeros, sizeof h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_the_vectors),
        cmocka_unit_test(hashes_a_million_bytes),
        cmocka_unit_test(pads_every_length_right),
        cmocka_unit_test(does_not_mind_how_a_message_is_cut),
        cmocka_unit_test(writes_as_many_digits_as_asked),
        cmocka_unit_test(final_leaves_nothing_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
