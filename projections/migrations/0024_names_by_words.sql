-- An erasure finds a name in rejected rows by its words, as the search does: whatever its accents, its apostrophes, its
-- case and the order of its words, also among other words. The rules are those of domain/search_words.py.

-- A text without case, accents, vowel points and characters that show nothing. `apostrophe` replaces apostrophes. (What
-- `convert_from` returns has the collation of an encoding's name, "C", in which only ASCII letters have a case.)
CREATE FUNCTION rollcall.folded_text(name text, apostrophe text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
        SELECT CASE
            WHEN octet_length(name) = char_length(name)
            THEN replace(replace(lower(name COLLATE "default"), '''', apostrophe), '`', apostrophe)
            ELSE normalize(
                replace(replace(replace(replace(
                    translate(
                        regexp_replace(
                            lower(normalize(regexp_replace(
                                name COLLATE "default",
                                '[''`\u00b4\u2018\u2019\u201b\u02bc\u02b9\u2032\uff07]', apostrophe, 'g'
                            ), NFKD)),
                            '[\u00ad\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf-\u05c7\u0610-\u061c\u064b-\u065f'
                            '\u0670\u06d6-\u06ed\u1ab0-\u1aff\u1dc0-\u1dff\u200b-\u200f\u202a-\u202e\u2060-\u206f'
                            '\u20d0-\u20ff\u302a-\u302f\ufe00-\ufe0f\ufe20-\ufe2f\ufeff]',
                            '', 'g'),
                        'øłđðħıŧς', 'olddhitσ'),
                    'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th'),
                NFC)
        END
    $$;

-- The words of a text, folded. What is a letter is said by code points: a database's locale need not know.
CREATE FUNCTION rollcall.name_words(name text, apostrophe text) RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
        SELECT coalesce(array_agg(DISTINCT word), '{}')
        FROM regexp_split_to_table(
            rollcall.folded_text(name, apostrophe),
            '[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00bf\u00d7\u00f7\u060c\u061b\u061f\u2000-\u206f'
            '\u2e00-\u2e7f\u3000-\u3004\u3008-\u3020\u3030\u30fb\ufe10-\ufe1f\ufe30-\ufe6f]+') AS words (word)
        WHERE word <> ''
    $$;

-- A name as it is compared: its words, in a fixed order.
CREATE FUNCTION rollcall.compared_names(name text) RETURNS TABLE (compared text)
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
        SELECT DISTINCT array_to_string(rollcall.name_words(name, each.apostrophe), ' ')
        FROM (VALUES (' '), ('')) AS each (apostrophe)
        WHERE rollcall.name_words(name, each.apostrophe) <> '{}'
    $$;

-- Whether a row of a file, a JSON array of cells, holds one of some `compared_names`: all of its words in one cell, or
-- in two beside each other. A name of one word has to be the whole cell: others are called so, too. In scripts without
-- blanks between words, a word may be a part of one. NUL, which jsonb cannot hold, is left out.
CREATE FUNCTION rollcall.row_holds_name(cells bytea, names text[]) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
        WITH places AS (
            SELECT place, rollcall.name_words(cell, ' ') AS apart, rollcall.name_words(cell, '') AS joined
            FROM jsonb_array_elements_text(
                     regexp_replace(convert_from(cells, 'UTF8'), '(?<!\\)((?:\\\\)*)\\u0000', '\1', 'g')::jsonb)
                 WITH ORDINALITY AS c (cell, place)
        ), pairs AS (
            SELECT apart, joined, apart || joined || coalesce(lead(apart || joined) OVER (ORDER BY place), '{}') AS both
            FROM places
        )
        SELECT EXISTS (
            SELECT
            FROM pairs p
            CROSS JOIN (SELECT string_to_array(n.name, ' ') FROM unnest(names) AS n (name)) AS wanted (words)
            CROSS JOIN LATERAL (
                SELECT '^[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u9fff'
                       '\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]'
            ) AS unspaced (script)
            WHERE CASE
                WHEN cardinality(wanted.words) > 1 OR wanted.words[1] ~ (unspaced.script || '.')
                THEN NOT EXISTS (
                    SELECT FROM unnest(wanted.words) AS w (word)
                    WHERE w.word <> ALL (p.both)
                      AND NOT (w.word ~ unspaced.script AND strpos(array_to_string(p.both, ' '), w.word) > 0))
                ELSE p.apart = wanted.words OR p.joined = wanted.words
            END)
    $$;

-- As in 0017, with names as they are compared now.
CREATE OR REPLACE FUNCTION rollcall.erase_rows_by_name(ids uuid[], versions bigint[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = rollcall, pg_temp
    AS $$
    DECLARE
        names text[];
        words text[];
    BEGIN
        SELECT array_agg(DISTINCT n.compared) INTO names
        FROM unnest(ids, versions) AS t (id, version)
        JOIN stored_events e ON e.originator_id = t.id AND e.originator_version < t.version
        CROSS JOIN LATERAL compared_names(convert_from(e.state, 'UTF8')::jsonb#>>'{values,name}') AS n
        WHERE e.account_id = current_account() AND e.topic = 'rollcall.customer.changed';
        IF names IS NULL THEN
            RETURN;
        END IF;
        -- First the running imports, whose rows a chunk holds until it is stored: one decided before is decided again.
        UPDATE imports i SET erasures = erasures + 1
        WHERE i.account_id = current_account() AND i.state = 'running';
        INSERT INTO import_erased_names (import_id, name, account_id)
        SELECT i.import_id, n.name, i.account_id
        FROM imports i CROSS JOIN unnest(names) AS n (name)
        WHERE i.account_id = current_account() AND i.state = 'running'
        ON CONFLICT DO NOTHING;
        -- A row in which the longest word of no name is anywhere, which is soon seen, is not taken apart; an escape may
        -- hide one.
        SELECT array_agg((SELECT w.word FROM unnest(string_to_array(n.name, ' ')) AS w (word)
                          ORDER BY length(w.word) DESC LIMIT 1)) INTO words
        FROM unnest(names) AS n (name);
        WITH suspected AS MATERIALIZED (
            SELECT r.import_id, r.row_number, r.cells
            FROM import_errors r
            CROSS JOIN LATERAL (SELECT convert_from(r.cells, 'UTF8') AS cells OFFSET 0) AS t
            CROSS JOIN LATERAL (SELECT folded_text(t.cells, '') AS cells OFFSET 0) AS f
            WHERE r.account_id = current_account()
              AND (strpos(t.cells, '\u') > 0
                   OR EXISTS (SELECT FROM unnest(words) AS w (word) WHERE strpos(f.cells, w.word) > 0))
        )
        DELETE FROM import_errors r USING suspected s
        WHERE r.import_id = s.import_id AND r.row_number = s.row_number AND row_holds_name(s.cells, names);
    END $$;

-- The names that running imports remember.
WITH remembered AS (
    DELETE FROM rollcall.import_erased_names RETURNING import_id, name, account_id
)
INSERT INTO rollcall.import_erased_names (import_id, name, account_id)
SELECT DISTINCT r.import_id, n.compared, r.account_id
FROM remembered r CROSS JOIN LATERAL rollcall.compared_names(r.name) AS n
ON CONFLICT DO NOTHING;

DROP FUNCTION rollcall.names_in_row(bytea);
DROP FUNCTION rollcall.folded_name(text);

DO $$
DECLARE
    each regprocedure;
BEGIN
    FOREACH each IN ARRAY ARRAY[
        'rollcall.folded_text(text, text)', 'rollcall.name_words(text, text)',
        'rollcall.compared_names(text)', 'rollcall.row_holds_name(bytea, text[])'
    ]::regprocedure[] LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', each);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO rollcall_api, rollcall_worker', each);
    END LOOP;
END $$;

-- Parts of phone numbers in filters are read as they are dialled from this release on: where a filter has one, the read
-- model is marked as one of an older definition, so that it is rebuilt.
DO $$
BEGIN
    IF to_regclass('rollcall_model.segments') IS NULL THEN
        RETURN;
    END IF;
    IF EXISTS (
        SELECT FROM rollcall_model.segments
        WHERE jsonb_path_exists(
            filter::jsonb,
            '$.** ? (@.attribute == "phone" && (@.operator == "contains" || @.operator == "not_contains"
                     || @.operator == "starts_with" || @.operator == "ends_with"))')
    ) THEN
        COMMENT ON SCHEMA rollcall_model IS 'parts of phone numbers are read in another way';
    END IF;
END $$;
