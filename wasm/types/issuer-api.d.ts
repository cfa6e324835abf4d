// Written from docs/openapi.json by tests/types; not to be edited.

export type paths = Record<string, never>;
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description A key that was accepted: what it says itself, and the title from its record. */
        AcceptedView: {
            /** @description `hmac-sha256-128` or `ed25519`. */
            algorithm: string;
            /** @description `live` or `test`. */
            environment: string;
            /** @description When it expires. */
            expires_at?: string | null;
            /** @description The public name. */
            id: string;
            /** @description When it was made. */
            issued_at: string;
            /**
             * Format: int32
             * @description The signer.
             */
            kid: number;
            /** @description `secret` or `publishable`. */
            kind: string;
            /**
             * Format: int32
             * @description 0 for none.
             */
            owner: number;
            /**
             * Format: int32
             * @description 0 for none.
             */
            policy: number;
            /**
             * Format: int64
             * @description The index in the revocation list.
             */
            serial: number;
            /** @description From the record; null where the store has none. */
            title?: string | null;
        };
        /** @description A verdict by the record. */
        AuthenticatedAnswer: {
            /** @description The reason, where it is not: a stable code. */
            code?: string | null;
            key?: components["schemas"]["KeyView"] | null;
            /** @description The reason as a sentence. */
            message?: string | null;
            /** @description Whether the key is accepted. */
            ok: boolean;
        };
        /** @description A revocation or suspension of many keys that is committed. */
        BulkAnswer: components["schemas"]["BulkView"] & components["schemas"]["CommittedAnswer"];
        BulkRevocationBody: {
            /** @description In whose name; the trail's actor is the admin key that is sent. */
            by?: string | null;
            /**
             * Format: int64
             * @description How many keys in force a dry run told of: if there are more or fewer by now, nothing is done
             *     (409).
             */
            confirm?: number | null;
            /** @description Only say how many keys it would end. */
            dry_run?: boolean;
            environment?: string | null;
            issued_before?: string | null;
            issued_from?: string | null;
            /** Format: int32 */
            kid?: number | null;
            /** @description The last admin key that can make others may be among them. */
            last_admin?: boolean;
            /** Format: int32 */
            owner?: number | null;
            /** @description Why; the trail tells it. The settings may ask for it. */
            reason?: string | null;
            state?: string | null;
        };
        /** @description All revocations and suspensions of many keys. */
        BulkRevocationsAnswer: {
            /** @description The entries. */
            bulk_revocations: components["schemas"]["BulkView"][];
        };
        /** @description A revocation or suspension of many keys. */
        BulkView: {
            /** @description When it was made. */
            created_at: components["schemas"]["Instant"];
            /** @description All keys of this environment. */
            environment?: string | null;
            /**
             * Format: int64
             * @description Its place.
             */
            id: number;
            /** @description Only keys issued before this second. */
            issued_before?: string | null;
            /** @description Only keys issued in this second or later. */
            issued_from?: string | null;
            /**
             * Format: int32
             * @description All keys of this signer.
             */
            kid?: number | null;
            lifted_at?: components["schemas"]["Instant"] | null;
            /** @description Who made it. */
            made_by?: string | null;
            /**
             * Format: int32
             * @description All keys of this owner.
             */
            owner?: number | null;
            /** @description All serials from the first of these to the last. */
            serials?: number[] | null;
            /** @description `revoked` or `suspended`. */
            state: string;
        };
        ByBody: {
            by?: string | null;
            /** @description Why; the trail tells it. The settings may ask for it. */
            reason?: string | null;
        };
        /** @description A key that there is, to be changed. */
        ChangeKeyBody: {
            id: string;
            metadata?: Record<string, never>;
            sales_channels?: string[];
            title?: string;
            updated_by?: string;
        };
        /** @description A key that was changed. */
        ChangedAnswer: components["schemas"]["KeyView"] & {
            list?: components["schemas"]["MarkView"] | null;
            /** @description What follows from its not being published yet. */
            note?: string | null;
            problem?: components["schemas"]["Problem"] | null;
            /** @description Whether it is. */
            published?: boolean;
        };
        ChannelsBody: {
            add?: string[];
            remove?: string[];
        };
        /** @description Whether a change, which is committed, is published. */
        CommittedAnswer: {
            /** @description Whether every target carries the list; where `wait` was asked for. */
            everywhere?: boolean | null;
            list?: components["schemas"]["MarkView"] | null;
            /** @description What follows from its not being published yet. */
            note?: string | null;
            problem?: components["schemas"]["Problem"] | null;
            /** @description Whether it is. */
            published: boolean;
            /** @description The targets; where `wait` was asked for. */
            targets?: components["schemas"]["TargetView"][] | null;
        };
        CreateAdminBody: {
            created_by?: string | null;
            expires_at?: string | null;
            /** Format: int64 */
            expires_in_seconds?: number | null;
            /** @description One of the keyring's labels, `""` for none; its first, if nothing is said. */
            label?: string | null;
            /** @description It never expires, whatever the settings name for keys of which nothing is said. */
            never_expires?: boolean;
            /** @description What it may do: scopes such as `keys:read`, `keys:*` or `*`, each of which the caller holds. */
            scopes: string[];
            /** @description What people call the key: 1 to 255 characters. */
            title: string;
        };
        CreateKeyBody: {
            algorithm?: string | null;
            created_by?: string | null;
            environment?: string | null;
            expires_at?: string | null;
            /** Format: int64 */
            expires_in_seconds?: number | null;
            kind?: string | null;
            /** @description One of the keyring's labels, `""` for none; its first, if nothing is said. */
            label?: string | null;
            metadata?: Record<string, never>;
            /** @description It never expires, whatever the settings name for keys of which nothing is said. */
            never_expires?: boolean;
            /** Format: int32 */
            owner?: number;
            /** Format: int32 */
            policy?: number;
            sales_channels?: string[];
            title: string;
        };
        /** @description What [`OneOrMany`] reads. */
        CreateKeysBody: components["schemas"]["CreateKeyBody"] | components["schemas"]["CreateKeyBody"][];
        CreateOwnerBody: {
            external_id?: string | null;
            metadata?: Record<string, never>;
            name: string;
        };
        CreatePolicyBody: {
            cidrs?: string[];
            methods?: string[];
            name: string;
            origins?: string[];
            paths?: string[];
            rate_class?: string | null;
            sales_channels?: string[];
            scopes?: string[];
            visibility: string;
        };
        CreateWebhookBody: {
            description?: string;
            types?: string[];
            url: string;
        };
        /** @description A key that was made. Its text is answered this once and, of secret keys, kept nowhere. */
        CreatedAnswer: {
            /** @description The key. */
            key: components["schemas"]["KeyView"];
            /** @description Its text. */
            token: string;
        };
        /** @description The key that was asked for, or a list where a list was. */
        CreatedAnswers: components["schemas"]["CreatedAnswer"] | components["schemas"]["CreatedAnswer"][];
        /** @description A key whose record was deleted. */
        DeletedAnswer: {
            /** @description That it is. */
            deleted: boolean;
            /** @description The key's id. */
            id: string;
            /** @description `api_key`. */
            object: string;
        };
        /** @description Keys whose records were deleted. */
        DeletedManyAnswer: {
            /** @description That they are. */
            deleted: boolean;
            /** @description The keys' ids. */
            ids: string[];
            /** @description `api_key`. */
            object: string;
        };
        /** @description A page of deliveries. */
        DeliveriesAnswer: {
            /** @description The newest first. */
            deliveries: components["schemas"]["DeliveryView"][];
        };
        /** @description A delivery as HTTP and `--json` show it. */
        DeliveryView: {
            /**
             * Format: int32
             * @description How often it was tried.
             */
            attempts: number;
            /** @description Why the last attempt failed. */
            error?: string | null;
            /**
             * Format: int64
             * @description The event's place in the outbox.
             */
            event_id: number;
            /**
             * Format: int64
             * @description Its number.
             */
            id: number;
            next_at?: components["schemas"]["Instant"] | null;
            /** @description `pending`, `delivered` or `dead`. */
            state: string;
            /**
             * Format: int32
             * @description What the endpoint last answered.
             */
            status?: number | null;
            /** @description When that was. */
            updated_at: components["schemas"]["Instant"];
        };
        /** @description What an act would do. Nothing was changed. */
        DryRunAnswer: components["schemas"]["Preview"] & {
            /** @description That it is one: `true`. */
            dry_run: boolean;
            /** @description The keys, if they are chosen one by one. */
            keys?: components["schemas"]["KeyView"][] | null;
        };
        /** @description What settings come to for the keys of one kind that are in force. */
        Effect: {
            /**
             * Format: int64
             * @description How many live longer than new ones may. They stay as they are.
             */
            beyond_maximum: number;
            /**
             * Format: int64
             * @description How many are suspended when the job `idle-keys` runs next.
             */
            idle: number;
            /** @description Why none is suspended, however long it was not used. */
            idle_waits?: string | null;
            /** @description `secret`, `publishable` or `admin`. */
            kind: string;
            /**
             * Format: int64
             * @description How many have no owner, if new ones must have one. They stay as they are.
             */
            without_owner: number;
        };
        /** @description An event as HTTP and `--json` show it. */
        EventView: {
            /**
             * @description Who did it, which no caller chooses: an admin key's id, `user@host` of a shell, or the name
             *     of a job. Null for events of before this was noted.
             */
            actor?: string | null;
            /** @description When it was committed. */
            at: components["schemas"]["Instant"];
            /** @description The rest. */
            data: unknown;
            /** @description Over this event and all before: an anchor of the trail for whoever keeps it. */
            digest: string;
            /**
             * Format: int64
             * @description Its place in the outbox.
             */
            id: number;
            /** @description The key that it happened to. */
            key_id?: string | null;
            /** @description In whose name, as the caller said. */
            on_behalf_of?: string | null;
            /** @description The type's name. */
            type: string;
        };
        /** @description A page of events. */
        EventsAnswer: {
            /** @description The events, the newest first unless asked for otherwise. */
            events: components["schemas"]["EventView"][];
            /** @description Where the next page begins; null behind the last. */
            next_cursor?: string | null;
            removed?: components["schemas"]["RemovedView"] | null;
        };
        /** @description What keys are to be like, as a query string or an object says it. */
        Filter: {
            count?: boolean | null;
            created_before?: string | null;
            created_from?: string | null;
            cursor?: string | null;
            environment?: string | null;
            /** @description Ids between commas. */
            id?: string | null;
            kind?: string | null;
            /** Format: int32 */
            limit?: number | null;
            /**
             * @description Who made them: an admin key's id, for all that it made, and what admin keys of its making
             *     made; or `user@host` of a shell.
             */
            maker?: string | null;
            order?: string | null;
            /** Format: int32 */
            owner?: number | null;
            /** Format: int32 */
            policy?: number | null;
            purpose?: string | null;
            /**
             * @description The title contains this text, or the redacted form does. If it chooses the keys of an act:
             *     the title.
             */
            q?: string | null;
            revoked_before?: string | null;
            revoked_from?: string | null;
            sales_channel?: string | null;
            state?: string | null;
            title?: string | null;
            token?: string | null;
            updated_before?: string | null;
            updated_from?: string | null;
        };
        IdsBody: {
            ids: string[];
            /** @description Why; the trail tells it. The settings may ask for it. */
            reason?: string | null;
        };
        /**
         * Format: date-time
         * @description An instant that is written as RFC 3339 with milliseconds.
         */
        Instant: string;
        /** @description A key. Times are RFC 3339 in UTC. */
        KeyView: {
            /** @description `hmac-sha256-128` or `ed25519`. */
            algorithm?: string | null;
            /** @description Who made it: whom the caller named, or else who did. */
            created_by?: string | null;
            /** @description `live` or `test`. */
            environment: string;
            /** @description When it expires. */
            expires_at?: string | null;
            /** @description The public name, `apk_…`. */
            id: string;
            /** @description When it was made. */
            issued_at: string;
            /**
             * Format: int32
             * @description The signer.
             */
            kid: number;
            /** @description `secret` or `publishable`. */
            kind: string;
            /** @description The word in front of it, empty for none. */
            label: string;
            /** @description When they last did. */
            last_used_at?: string | null;
            /**
             * @description The principal that made it, which no caller chooses: an admin key's id, or `user@host` of a
             *     shell. Null for keys of before this was noted.
             */
            maker?: string | null;
            /** @description What people keep with it. */
            metadata: {
                [key: string]: unknown;
            };
            /**
             * Format: int32
             * @description 0 for none.
             */
            owner: number;
            /**
             * Format: int32
             * @description 0 for none.
             */
            policy: number;
            /** @description `token` or `admin`. */
            purpose: string;
            /** @description The form in which the token may be shown. */
            redacted: string;
            /** @description When its revocation strikes or struck. */
            revoked_at?: string | null;
            /** @description Who revoked it: whom the caller named, or else who did. */
            revoked_by?: string | null;
            /** @description The id of the key that it takes the place of. */
            rolled_from?: string | null;
            /** @description Of publishable keys only. */
            sales_channels?: string[] | null;
            /** @description What an admin key may do; of admin keys only. */
            scopes?: string[] | null;
            /**
             * Format: int64
             * @description The index in the revocation list.
             */
            serial: number;
            /** @description `active`, `scheduled`, `suspended`, `revoked` or `expired`. */
            state: string;
            status?: components["schemas"]["StatusView"] | null;
            /** @description Since when it is suspended. */
            suspended_at?: string | null;
            /** @description Who suspended it: whom the caller named, or else who did. */
            suspended_by?: string | null;
            /** @description What people call it. */
            title: string;
            /** @description The token, of publishable keys only. */
            token?: string | null;
            /** @description When its record was last changed. */
            updated_at: string;
            /**
             * Format: int64
             * @description How often gates have let it pass, where they report it.
             */
            uses: number;
        };
        /** @description A version of the keyring. */
        KeyringVersionView: {
            /** @description When it was stored. */
            created_at: components["schemas"]["Instant"];
            /**
             * Format: int32
             * @description Its number.
             */
            version: number;
        };
        /** @description What is asked of keys of one kind. */
        KindSettings: {
            /**
             * Format: int32
             * @description The lifetime of a key for which none is named, in seconds.
             */
            default_lifetime_seconds?: number | null;
            /**
             * Format: int32
             * @description After so many days without a use a key is suspended, 7 to 365.
             */
            idle_days?: number | null;
            /**
             * Format: int32
             * @description The longest lifetime, in seconds: a key that would outlive it, or never expire, is not made.
             */
            max_lifetime_seconds?: number | null;
            /** @description Whether each key must have an owner. */
            owner_required: boolean;
        };
        /** @description What to change for one kind of keys: what is left out stays, and null takes a setting away. */
        KindSettingsBody: {
            /**
             * Format: int32
             * @description The lifetime of a key for which none is named, in seconds.
             */
            default_lifetime_seconds?: number | null;
            /**
             * Format: int32
             * @description After so many days without a use a key is suspended, 7 to 365. Not of admin keys.
             */
            idle_days?: number | null;
            /**
             * Format: int32
             * @description The longest lifetime, in seconds.
             */
            max_lifetime_seconds?: number | null;
            /** @description Whether each key must have an owner. Not of admin keys. */
            owner_required?: boolean | null;
        };
        /** @description The labels of the newest keyring. */
        LabelsView: {
            /** @description The labels, empty for none; new keys get the first, if nothing is said. */
            labels: string[];
            /**
             * Format: int32
             * @description The keyring's version.
             */
            version: number;
        };
        /** @description What has become of a line. */
        LineView: {
            /** @description What is wrong with the line. */
            error?: string | null;
            /** @description The id in the other system. */
            external_id?: string | null;
            /** @description The key's id. */
            id?: string | null;
            /**
             * Format: int64
             * @description Its number.
             */
            line: number;
            /**
             * @description `made`, `before` where an earlier import made the key, `deleted` where that key is deleted
             *     since, `bad` where there is none.
             */
            status: string;
            /** @description The key's text. */
            token?: string | null;
        };
        /** @description What is out, and where. */
        ListAnswer: components["schemas"]["ListView"] & {
            status_lists?: components["schemas"]["StatusListsView"] | null;
            /** @description The targets. */
            targets: components["schemas"]["TargetView"][];
        };
        /** @description What is out, with its shards. */
        ListView: components["schemas"]["MarkView"] & {
            /** @description Whether nothing may be verified by it any more. */
            expired: boolean;
            /** @description The SHA-256 of the head. */
            head: string;
            /**
             * Format: int64
             * @description The newest event that the list knows of.
             */
            position: number;
            /** @description The shards, as of the newest head. */
            shards: components["schemas"]["ShardView"][];
        };
        /** @description The list that something was verified by, or that is out. */
        MarkView: {
            /**
             * Format: int64
             * @description How old its knowledge is, in milliseconds.
             */
            age_millis: number;
            /**
             * Format: int32
             * @description The list epoch.
             */
            epoch: number;
            /** @description From this instant on nothing may be verified by it. */
            next_update: components["schemas"]["Instant"];
            /**
             * Format: int64
             * @description The number.
             */
            number: number;
            /** @description Every revocation committed before this instant is in it. */
            this_update: components["schemas"]["Instant"];
        };
        /** @description An owner. */
        OwnerView: {
            /** @description When it was made. */
            created_at: components["schemas"]["Instant"];
            /** @description What another system calls it. */
            external_id?: string | null;
            /** @description What people keep with it. */
            metadata: Record<string, never>;
            /** @description What people call it. */
            name: string;
            /**
             * Format: int32
             * @description What its keys carry.
             */
            number: number;
            /** @description When it was last changed. */
            updated_at: components["schemas"]["Instant"];
        };
        /** @description A page of owners. */
        OwnersAnswer: {
            /**
             * Format: int32
             * @description Where the next page begins; null behind the last.
             */
            next_after?: number | null;
            /** @description The owners, by their numbers. */
            owners: components["schemas"]["OwnerView"][];
        };
        /** @description A page of keys. */
        PageAnswer: {
            /**
             * Format: int64
             * @description How many keys there are on all pages; where `count` was asked for.
             */
            count?: number | null;
            /** @description The keys, newest first. */
            keys: components["schemas"]["KeyView"][];
            /** @description Where the next page begins; null behind the last. */
            next_cursor?: string | null;
        };
        /** @description A page of policies. */
        PoliciesAnswer: {
            /**
             * Format: int32
             * @description Where the next page begins; null behind the last.
             */
            next_after?: number | null;
            /** @description The policies, by their numbers. */
            policies: components["schemas"]["PolicyView"][];
        };
        /** @description A policy that was made or changed. */
        PolicyAnswer: components["schemas"]["PolicyView"] & components["schemas"]["CommittedAnswer"];
        /** @description A policy that was deleted. */
        PolicyDeletedAnswer: {
            /** @description That it is. */
            deleted: boolean;
            /**
             * Format: int32
             * @description Its number, which no other will have.
             */
            number: number;
        } & components["schemas"]["CommittedAnswer"];
        /** @description What a policy says, as people spell it. See `docs/policy.md`. */
        PolicyRules: {
            /** @description The networks that a client may call from (`192.0.2.0/24`); empty for anywhere. */
            cidrs: string[];
            /** @description The methods that are allowed; empty for all. */
            methods: string[];
            /** @description The origins that a page may call from; empty for any. */
            origins: string[];
            /** @description The patterns of the paths that are allowed; empty for all. */
            paths: string[];
            /** @description The rate class. */
            rate_class?: string | null;
            /** @description The sales channels that are granted; empty for none. */
            sales_channels: string[];
            /** @description The scopes that are granted; empty for none. */
            scopes: string[];
        };
        /** @description A policy. */
        PolicyView: components["schemas"]["PolicyRules"] & {
            /** @description When it was made. */
            created_at: components["schemas"]["Instant"];
            /** @description The publishable key whose own it is. */
            key_id?: string | null;
            /** @description What people call it. */
            name: string;
            /**
             * Format: int32
             * @description What keys carry.
             */
            number: number;
            /** @description When it was last changed. */
            updated_at: components["schemas"]["Instant"];
            /** @description `public` or `private`. */
            visibility: string;
        };
        /** @description What an act would do, or has done. */
        Preview: {
            /**
             * Format: int64
             * @description How many of them are admin keys.
             */
            admins: number;
            /**
             * Format: int64
             * @description How many admin keys that can make others are left in force.
             */
            admins_left: number;
            /**
             * Format: int64
             * @description The keys that it ends.
             */
            count: number;
        };
        /** @description An error as it is answered: `application/problem+json`. */
        Problem: {
            code: string;
            detail: string;
            /** @description The keys because of which nothing was done, if several were named. */
            keys?: string[];
            /** @description The coarse kind of error, as shops' back ends name it. */
            kind: string;
            /** Format: int32 */
            status: number;
            title: string;
            /** @description A URI that names the kind of problem: `tag:portcullis,2026:` and the code. */
            type: string;
        };
        ReasonBody: {
            /** @description Why; the trail tells it. The settings may ask for it. */
            reason?: string | null;
        };
        /** @description What was removed from the trail, as HTTP and `--json` show it. */
        RemovedView: {
            /** @description When the last of them were removed. */
            at: components["schemas"]["Instant"];
            /**
             * Format: int64
             * @description How many were removed in all.
             */
            count: number;
            /** @description Its digest, on which the oldest event that is kept is built. */
            digest: string;
            /** @description When that event was committed. */
            last_at: components["schemas"]["Instant"];
            /**
             * Format: int64
             * @description The last event that was removed: all before it were too.
             */
            through: number;
        };
        ReplayBody: {
            /** Format: int64 */
            after?: number | null;
            dead?: boolean;
            /** Format: int64 */
            delivery?: number | null;
        };
        /** @description Deliveries that were queued again. */
        ReplayedAnswer: {
            /**
             * Format: int64
             * @description How many.
             */
            replayed: number;
        };
        RevokeBody: {
            at?: string | null;
            /**
             * @description What becomes of keys that are revoked already: `refuse` (409, and nothing is changed), which is
             *     what is done if nothing is said, or `skip`.
             */
            if_revoked?: string | null;
            /** Format: int64 */
            in_seconds?: number | null;
            /** @description It may be the last admin key that can make others. */
            last_admin?: boolean;
            /** @description Why; the trail tells it. The settings may ask for it. */
            reason?: string | null;
            /** @description In whose name; the trail's actor is the admin key that is sent. */
            revoked_by?: string | null;
        };
        RevokeManyBody: {
            at?: string | null;
            /**
             * Format: int64
             * @description How many keys a dry run told of: if there are more or fewer by now, nothing is done (409).
             */
            confirm?: number | null;
            /** @description Only say which keys would be revoked. */
            dry_run?: boolean;
            ids?: string[] | null;
            /**
             * @description What becomes of keys among `ids` that are revoked already: `refuse` (409 names them, and nothing
             *     is changed), which is what is done if nothing is said, or `skip`.
             */
            if_revoked?: string | null;
            /** Format: int64 */
            in_seconds?: number | null;
            /** @description The last admin key that can make others may be among them. */
            last_admin?: boolean;
            /** @description Why; the trail tells it. The settings may ask for it. */
            reason?: string | null;
            /** @description In whose name; the trail's actor is the admin key that is sent. */
            revoked_by?: string | null;
            where?: components["schemas"]["Filter"] | null;
        };
        /** @description A key whose revocation is committed. */
        RevokedAnswer: components["schemas"]["KeyView"] & components["schemas"]["CommittedAnswer"];
        /** @description Keys whose revocation is committed. */
        RevokedManyAnswer: {
            /** @description How many they are. */
            count: number;
            /** @description The keys. */
            keys: components["schemas"]["KeyView"][];
            /** @description The ids of those that were revoked already and are left as they are; with `if_revoked`. */
            skipped?: string[] | null;
        } & components["schemas"]["CommittedAnswer"];
        /** @description Keys whose revocation is committed, or what a dry run tells. */
        RevokedManyAnswers: components["schemas"]["RevokedManyAnswer"] | components["schemas"]["DryRunAnswer"];
        RollBody: {
            algorithm?: string | null;
            expires_at?: string | null;
            /** Format: int64 */
            expires_in_seconds?: number | null;
            /** @description The new key's label, `""` for none; the old key's, if nothing is said. */
            label?: string | null;
            never_expires?: boolean;
            /** Format: int64 */
            overlap_seconds?: number | null;
            /** Format: int32 */
            owner?: number | null;
            /** Format: int32 */
            policy?: number | null;
            /** @description Why; the trail tells it. The settings may ask for it. */
            reason?: string | null;
            rolled_by?: string | null;
        };
        /** @description A key that was rolled. */
        RolledAnswer: {
            /** @description The new key. */
            key: components["schemas"]["KeyView"];
            /** @description The old key. */
            rolled: components["schemas"]["KeyView"];
            /** @description Its text. */
            token: string;
        } & components["schemas"]["CommittedAnswer"];
        RotateSecretBody: {
            /** Format: int64 */
            overlap_seconds?: number | null;
        };
        /** @description What an issuer asks. Nothing, unless it was set. */
        Settings: {
            /** @description Of admin keys. */
            admin: components["schemas"]["KindSettings"];
            /** @description Of publishable keys. */
            publishable: components["schemas"]["KindSettings"];
            /** @description Whether revoking, suspending, rolling, deleting and undoing need a reason. */
            reason_required: boolean;
            /** @description Of secret keys. */
            secret: components["schemas"]["KindSettings"];
        };
        SettingsBody: {
            admin?: components["schemas"]["KindSettingsBody"] | null;
            /** @description In whose name; the trail's actor is the admin key that is sent. */
            by?: string | null;
            /** @description Only say what it would come to. */
            dry_run?: boolean;
            /**
             * Format: int32
             * @description Only if the settings are at this version: else nothing is done (409).
             */
            if_version?: number | null;
            publishable?: components["schemas"]["KindSettingsBody"] | null;
            /** @description Why; the trail tells it. */
            reason?: string | null;
            /** @description Whether revoking, suspending, rolling, deleting and undoing need a `reason`. */
            reason_required?: boolean | null;
            secret?: components["schemas"]["KindSettingsBody"] | null;
        };
        /** @description The settings after a change, and what they come to. */
        SettingsChangedView: components["schemas"]["SettingsView"] & {
            /** @description What was asked before. */
            before: components["schemas"]["Settings"];
            /** @description Whether nothing was changed. */
            dry_run?: boolean;
            /** @description What they come to for the keys in force of each kind. */
            effects: components["schemas"]["Effect"][];
        };
        /** @description What the issuer asks of its keys. */
        SettingsView: {
            /** @description Of admin keys. */
            admin: components["schemas"]["KindSettings"];
            /** @description Of publishable keys. */
            publishable: components["schemas"]["KindSettings"];
            /** @description Whether revoking, suspending, rolling, deleting and undoing need a reason. */
            reason_required: boolean;
            /** @description Of secret keys. */
            secret: components["schemas"]["KindSettings"];
            updated_at?: components["schemas"]["Instant"] | null;
            /**
             * Format: int32
             * @description How often they were changed.
             */
            version: number;
        };
        /** @description A shard of serials. */
        ShardView: {
            /** @description The SHA-256 of its body; null where it has not gone out. */
            body?: string | null;
            /**
             * Format: int32
             * @description The length of its body, in bytes.
             */
            body_len: number;
            /**
             * Format: int32
             * @description Slots that it covers.
             */
            capacity: number;
            /**
             * Format: int32
             * @description Slots that were handed out.
             */
            issued: number;
            /**
             * Format: int32
             * @description Slots that are revoked.
             */
            revoked: number;
            /**
             * Format: int32
             * @description Its number.
             */
            shard: number;
            /**
             * Format: int32
             * @description Slots that are revoked from a moment on.
             */
            timed: number;
        };
        /** @description A signer of the issuer. */
        SignerView: {
            /** @description `hmac-sha256-128` or `ed25519`. */
            algorithm: string;
            /** @description The environments whose keys it signs. */
            environments: string[];
            /** @description Whether the keystore here holds its key. */
            here: boolean;
            /**
             * Format: int64
             * @description How many of them are neither revoked nor expired.
             */
            in_force: number;
            /**
             * Format: int64
             * @description How many keys it ever signed.
             */
            keys: number;
            /**
             * Format: int32
             * @description The key id.
             */
            kid: number;
            /** @description The kinds of keys that it signs. */
            kinds: string[];
            /** @description `token`, `admin`, `list`, `status-list` or `assertion`. */
            purpose: string;
            /** @description `next`, `active`, `retiring` or `retired`. */
            state: string;
        };
        /** @description The newest keyring. */
        SignersView: {
            /** @description The labels that keys can have, empty for none; new keys get the first, if nothing is said. */
            labels: string[];
            /** @description From this instant on nothing may be verified by it. */
            not_after: components["schemas"]["Instant"];
            /** @description The signers, by ascending kid. */
            signers: components["schemas"]["SignerView"][];
            /**
             * Format: int32
             * @description Its version.
             */
            version: number;
            /** @description Every version, newest first. */
            versions: components["schemas"]["KeyringVersionView"][];
        };
        /** @description The Token Status List of a shard. */
        StatusListView: {
            /**
             * Format: int32
             * @description For each key: 1, or 2 where one is suspended.
             */
            bits: number;
            /** @description From this instant on nothing may be looked up in it. */
            expires_at: components["schemas"]["Instant"];
            /**
             * Format: int32
             * @description The signer.
             */
            kid: number;
            /**
             * Format: int32
             * @description The shard.
             */
            shard: number;
            /** @description Every revocation committed before this instant is in it. */
            this_update: components["schemas"]["Instant"];
            /** @description Its address. */
            uri: string;
        };
        /** @description The Token Status Lists that are out. */
        StatusListsView: {
            /** @description Where all of them are named. */
            aggregation_uri: string;
            /** @description Where the public keys are that sign them. */
            jwks_uri: string;
            /** @description By ascending shard. */
            lists: components["schemas"]["StatusListView"][];
        };
        /** @description An index in a Token Status List. */
        StatusReference: {
            /**
             * Format: int32
             * @description The index.
             */
            idx: number;
            /** @description The list's address. */
            uri: string;
        };
        /** @description The claim `status` of a token (draft-ietf-oauth-status-list). */
        StatusView: {
            /** @description The list and the index in it. */
            status_list: components["schemas"]["StatusReference"];
        };
        /** @description A target, and whether it carries a list. */
        TargetView: {
            /** @description Whether it carries the list in question, or a later one. */
            carries: boolean;
            /** @description Why it could not be brought up to date. */
            error?: string | null;
            failing_since?: components["schemas"]["Instant"] | null;
            /** @description `http`, `dir`, `s3` or `kv`. */
            kind: string;
            /** @description Its name. */
            name: string;
            /**
             * Format: int64
             * @description The number of the list that it carries.
             */
            number?: number | null;
            this_update?: components["schemas"]["Instant"] | null;
            /**
             * @description Whether who reads there finds it at once. At Workers KV an accepted write may take a minute
             *     or more to be seen everywhere.
             */
            visible: string;
        };
        /** @description A key that was revoked and deleted in one act. */
        UndoneAnswer: components["schemas"]["DeletedAnswer"] & components["schemas"]["CommittedAnswer"];
        /** @description Keys that were revoked and deleted in one act. */
        UndoneManyAnswer: components["schemas"]["DeletedManyAnswer"] & components["schemas"]["CommittedAnswer"];
        /** @description What an update may hold: whatever is left out stays as it is, and nothing is taken away by null. */
        UpdateKeyBody: {
            metadata?: Record<string, never>;
            sales_channels?: string[];
            title?: string;
            updated_by?: string;
        };
        UpdateOwnerBody: {
            external_id?: string | null;
            metadata?: Record<string, never> | null;
            name?: string | null;
        };
        UpdatePolicyBody: {
            cidrs?: string[] | null;
            methods?: string[] | null;
            name?: string | null;
            origins?: string[] | null;
            paths?: string[] | null;
            rate_class?: string | null;
            sales_channels?: string[] | null;
            scopes?: string[] | null;
            visibility?: string | null;
        };
        UpdateWebhookBody: {
            description?: string | null;
            enabled?: boolean | null;
            types?: string[] | null;
            url?: string | null;
        };
        /** @description A key to be changed where it has an `id`, to be made where it has none. */
        UpsertKeyBody: components["schemas"]["ChangeKeyBody"] | components["schemas"]["CreateKeyBody"];
        /** @description What [`OneOrMany`] reads. */
        UpsertKeysBody: components["schemas"]["UpsertKeyBody"] | components["schemas"]["UpsertKeyBody"][];
        /** @description Keys that were made and changed by one request. */
        UpsertedAnswer: {
            /** @description Those that were made. */
            created: components["schemas"]["CreatedAnswer"][];
            /** @description Those that were changed. */
            updated: components["schemas"]["KeyView"][];
        };
        UsageAnswer: {
            /**
             * Format: int64
             * @description How many of these keys there are.
             */
            known: number;
        };
        UsageBody: {
            /** @description One line a key, 1000 at most. */
            uses: components["schemas"]["UseBody"][];
        };
        UseBody: {
            /** @description The key's public name, `apk_…`. */
            key: string;
            /**
             * Format: int32
             * @description When last, in seconds since 1970.
             */
            last_used_at: number;
            /**
             * Format: int32
             * @description How often it was let pass since the last report.
             */
            uses: number;
        };
        /** @description A verdict. */
        VerdictView: {
            /** @description The reason, where it is not: a stable code. */
            code?: string | null;
            key?: components["schemas"]["AcceptedView"] | null;
            list?: components["schemas"]["MarkView"] | null;
            /** @description The reason as a sentence. */
            message?: string | null;
            /** @description Whether the key is accepted. */
            ok: boolean;
        };
        VerifyBody: {
            environment?: string | null;
            kind?: string | null;
            token: string;
        };
        /** @description An endpoint that was deleted. */
        WebhookDeletedAnswer: {
            /** @description That it is. */
            deleted: boolean;
            /** @description Its id. */
            id: string;
        };
        /** @description An endpoint with its secret, which is answered where it is new and never else. */
        WebhookSecretAnswer: {
            /** @description `whsec_…`. */
            secret: string;
            /** @description The endpoint. */
            webhook: components["schemas"]["WebhookView"];
        };
        /** @description An endpoint as HTTP and `--json` show it. */
        WebhookView: {
            /** @description When it was made. */
            created_at: components["schemas"]["Instant"];
            /** @description Who made it. */
            created_by?: string | null;
            /** @description What people call it. */
            description: string;
            /** @description Why not, where it was not a person's doing. */
            disabled_why?: string | null;
            /** @description Whether anything is sent. */
            enabled: boolean;
            /** @description `whk_…`. */
            id: string;
            old_secret_until?: components["schemas"]["Instant"] | null;
            /**
             * Format: int64
             * @description The newest event for which there are deliveries.
             */
            position: number;
            /** @description The types that it is told of; all for an empty list. */
            types: string[];
            /** @description When it was last changed. */
            updated_at: components["schemas"]["Instant"];
            /** @description Where messages are sent. */
            url: string;
        };
        /** @description All endpoints. */
        WebhooksAnswer: {
            /** @description The newest first. */
            webhooks: components["schemas"]["WebhookView"][];
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export type operations = Record<string, never>;
